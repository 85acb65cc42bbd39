/**
 * node test/fuzz/token.fuzz.ts [seconds]: tokens made of the claims and header members that tricks are
 * made of, signed or not, then damaged, held against jose. Exits 1 with the shortest text that is read
 * wrongly, and keeps it in corpus/token, which every run (and the unit tests) begins with.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import {
  authorityIssuer,
  corpClaims,
  corpIssuer,
  forge,
  nowSeconds,
  ownClaims,
} from '../support/jose.ts'
import { accountAudience, accountIssuer, contradiction, exampleKey } from './token-readers.ts'

const folder = new URL('corpus/token/', import.meta.url)
const seconds = Number(process.argv[2] ?? 60)
if (!(seconds > 0)) {
  process.stderr.write('usage: node test/fuzz/token.fuzz.ts [seconds]\n')
  process.exit(64)
}
const corpus = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))

type Member = readonly [name: string, json: string]

const members = (value: object): Member[] =>
  Object.entries(value).map(([name, member]) => [name, JSON.stringify(member)])

const oddJson = fc.oneof(
  fc.constantFrom(
    'null',
    '""',
    '[]',
    '{}',
    '0',
    '-0',
    '1e400',
    '-1',
    '1e-400',
    'true',
    '"\\ud800"',
  ),
  fc.constantFrom('{"a":1,"a":2}', '{"a":":"}', '"\\u0000"', `${'['.repeat(20)}${']'.repeat(20)}`),
  fc.constantFrom(`"${authorityIssuer}"`, `"${corpIssuer}"`, `"${accountIssuer}"`, '"spiffe://x"'),
  fc.constantFrom(
    '{"sub":"a","act":{"sub":"b"}}',
    '["a","a"]',
    '"a b"',
    '["b64"]',
    '"none"',
    '"HS256"',
  ),
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
)
const headerNames = [
  'alg',
  'kid',
  'typ',
  'crit',
  'b64',
  'zip',
  'jku',
  'jwk',
  'x5c',
  '__proto__',
  'x',
]
const claimNames = Object.keys({ ...ownClaims(), ...corpClaims() }).concat([
  'cnf',
  'may_act',
  'anc',
  'groups',
  'nonce',
  'events',
  'scp',
  'kubernetes.io',
  '__proto__',
])

/** Members of something that is in order, with some replaced, added (so perhaps repeated) or gone. */
const changed = (base: readonly Member[], names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.constantFrom(...names), oddJson), { maxLength: 3 }),
      fc.array(fc.constantFrom(...names), { maxLength: 2 }),
      fc.boolean(),
    )
    .map(([added, removed, replace]) => {
      const replaced = new Set(replace ? added.map(([name]) => name) : [])
      const kept = base.filter(([name]) => !removed.includes(name) && !replaced.has(name))
      const text = [...kept, ...added].map(([name, json]) => `${JSON.stringify(name)}:${json}`)
      return `{${text.join(',')}}`
    })

const header = changed(members({ alg: 'ES256', kid: 'a3', typ: 'at+jwt' }), headerNames)
const payload = fc.oneof(
  changed(members(ownClaims()), claimNames),
  changed(members(corpClaims()), claimNames),
  changed(
    members({
      iss: accountIssuer,
      aud: [accountAudience],
      sub: 'system:serviceaccount:shop:web',
      iat: nowSeconds,
      exp: nowSeconds + 600,
      'kubernetes.io': {
        namespace: 'shop',
        pod: { name: 'web-1', uid: 'u1' },
        serviceaccount: { name: 'web', uid: 'u2' },
      },
    }),
    claimNames,
  ),
)
const made = fc.tuple(header, payload).map(([h, p]) => forge(h, p, exampleKey))
const damage = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 3 }),
  insert: fc.oneof(
    fc.constantFrom('', '.', '..', '=', '-', '_', '+', '\n', ' ', 'A', '\0'),
    fc.string(),
  ),
})
const texts = fc
  .tuple(
    fc.oneof({ weight: 8, arbitrary: made }, fc.string(), fc.constantFrom(...corpus)),
    fc.array(damage, { maxLength: 2 }),
  )
  .map(([text, damages]) =>
    damages.reduce((damaged, { at, remove, insert }) => {
      const start = at % (damaged.length + 1)
      return damaged.slice(0, start) + insert + damaged.slice(start + remove)
    }, text),
  )

let runs = 0
const found = fc.check(
  fc.property(texts, (text) => {
    runs += 1
    return contradiction(text) === undefined
  }),
  {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    examples: corpus.map((text): [string] => [text]),
  },
)
if (found.failed && found.counterexample !== null) {
  const [text] = found.counterexample
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16)
  writeFileSync(new URL(name, folder), text)
  process.stdout.write(`token: ${JSON.stringify(text)}: ${contradiction(text) ?? ''}\n`)
  process.exit(1)
}
process.stdout.write(`token: ${runs} inputs in ${seconds} s, nothing found\n`)
