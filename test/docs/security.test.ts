import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('docs/security.md', 'utf8')

interface Claim {
  readonly claim: string
  readonly file: string
  readonly name: string
}

/** Rows of the tables that have a test each. */
const claims: Claim[] = [...page.matchAll(/^\| claim \|.*\n\| ---.*\n((?:\|.*\n)+)/gm)].flatMap(
  ([, rows = '']) =>
    rows
      .trimEnd()
      .split('\n')
      .map((row) => {
        const [, claim, file, name] = /^\| (.+) \| `([^`]+)` \| `([^`]+)` \|$/.exec(row) ?? []
        if (claim === undefined || file === undefined || name === undefined) throw new Error(row)
        return { claim, file, name }
      }),
)

/** A name stands where a test or the first cell of a row of its table has it. */
function hasTest(source: string, name: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const text = quote + name.replaceAll(quote, `\\${quote}`) + quote
    const literal = text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
    return new RegExp(String.raw`[([]\s*${literal}\s*,`).test(source)
  })
}

test('there are as many claims as a threat model needs, and none is there twice', () => {
  expect(claims.length).toBeGreaterThan(100)
  expect(new Set(claims.map(({ claim, name }) => `${claim} ${name}`)).size).toBe(claims.length)
})

test.each(claims)('$file has the test "$name"', ({ file, name }) => {
  expect(file).toMatch(/\.test\.ts$/)
  expect(hasTest(readFileSync(file, 'utf8'), name)).toBe(true)
})

test('a name that only stands in a comment is no test', () => {
  expect(hasTest("test('a rule', () => {})", 'a rule')).toBe(true)
  expect(hasTest("test('a rule', () => {})", 'rule')).toBe(false)
  expect(hasTest("// it holds 'a rule', as said", 'a rule')).toBe(false)
})
