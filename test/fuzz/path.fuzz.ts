/**
 * node test/fuzz/path.fuzz.ts [seconds]: paths made of the pieces that tricks are made of, held
 * against other readers. Exits 1 with the shortest input that two of them read differently, and
 * keeps it in corpus/path, which every run (and the unit tests) begins with.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { contradiction } from './path-readers.ts'

const folder = new URL('corpus/path/', import.meta.url)
const seconds = Number(process.argv[2] ?? 60)
if (!(seconds > 0)) {
  process.stderr.write('usage: node test/fuzz/path.fuzz.ts [seconds]\n')
  process.exit(64)
}

const corpus = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'latin1'))
const hex = fc.constantFrom(...'0123456789abcdefABCDEF')
const piece = fc.oneof(
  fc.constantFrom('/', '//', '.', '..', ';', '%2e', '%2F', '%5c', '\\', '%3b', '%25', '%', '%00'),
  fc.constantFrom('a', '{x}', '*', '~', ':', '%c3%a9', '%C0%AF', '%ed%a0%80', '%f0%9f%98%80'),
  fc.tuple(hex, hex).map(([high, low]) => `%${high}${low}`),
  fc.tuple(hex, hex).map(([high, low]) => `%25${high}${low}`),
  fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  fc.constantFrom(...corpus),
)
const paths = fc
  .tuple(fc.constantFrom('/', '/', '/', ''), fc.array(piece, { maxLength: 12 }))
  .map(([start, pieces]) => start + pieces.join(''))

let runs = 0
const found = fc.check(
  fc.property(paths, (raw) => {
    runs += 1
    return contradiction(raw) === undefined
  }),
  {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    examples: corpus.map((raw): [string] => [raw]),
  },
)
if (found.failed && found.counterexample !== null) {
  const [raw] = found.counterexample
  const name = createHash('sha256').update(raw, 'latin1').digest('hex').slice(0, 16)
  writeFileSync(new URL(name, folder), raw, 'latin1')
  process.stdout.write(`path: ${JSON.stringify(raw)}: ${contradiction(raw) ?? ''}\n`)
  process.exit(1)
}
process.stdout.write(`path: ${runs} inputs in ${seconds} s, nothing found\n`)
