/**
 * node test/fuzz/ndjson.fuzz.ts [seconds]: lines of the discovery stream, whole, odd and damaged, cut into
 * chunks anywhere. Exits 1 with the shortest bytes that are read wrongly, and keeps them in corpus/ndjson,
 * which every run (and the unit tests) begins with.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { hashOf } from '../../pkg/discovery/hash.ts'
import { contradiction, exampleHeld } from './ndjson-readers.ts'

const folder = new URL('corpus/ndjson/', import.meta.url)
const seconds = Number(process.argv[2] ?? 60)
if (!(seconds > 0)) {
  process.stderr.write('usage: node test/fuzz/ndjson.fuzz.ts [seconds]\n')
  process.exit(64)
}
const corpus = readdirSync(folder).map((name) => readFileSync(new URL(name, folder)))

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, '', 0, -1, 1e308, true, [], {}, '\ud800', '__proto__', 'toString'),
  fc.jsonValue({ maxDepth: 3 }),
)
const revision = fc.record({
  epoch: fc.oneof(fc.nat(3), odd),
  versions: fc.oneof(fc.dictionary(fc.constantFrom('Pod', '__proto__', 'x'), fc.nat(9)), odd),
})
const name = fc.constantFrom(
  'rules',
  'addresses',
  'keys',
  'workloads',
  'later',
  '__proto__',
  'constructor',
)
const value = fc.dictionary(
  fc.constantFrom('a', 'b', '__proto__', '1', '\u2028'),
  fc.jsonValue({ maxDepth: 2 }),
)
const delta = fc.record(
  {
    base: fc.oneof(fc.constant(exampleHeld.addresses?.hash ?? ''), odd),
    set: fc.oneof(value, odd),
    remove: fc.oneof(fc.array(fc.constantFrom('name', 'a', '__proto__')), odd),
  },
  { requiredKeys: [] },
)
const section = fc.oneof(
  value.map((whole) => ({
    hash: hashOf(JSON.parse(JSON.stringify(whole)) as object),
    value: whole,
  })),
  fc.record({ hash: odd, value: odd, delta }, { requiredKeys: [] }),
  fc.record({ hash: fc.constant('h'), delta }),
)
const hashes = fc.oneof(fc.dictionary(name, fc.oneof(fc.string(), odd)), odd)
const line = fc.oneof(
  fc.record({ type: fc.constant('update'), revision, sections: fc.dictionary(name, section) }),
  fc.record({ type: fc.constant('heartbeat'), revision, ageMs: fc.oneof(fc.nat(), odd) }),
  fc.record({
    type: fc.constant('hello'),
    kind: fc.constantFrom('sidecar', 'authority', 'toString'),
    features: fc.oneof(fc.array(fc.string()), odd),
    hashes,
    revision,
  }),
  fc.record({ type: fc.constant('ack'), hashes }),
  fc.record({ type: fc.constant('nack'), section: name, hash: fc.string(), reason: odd }),
  odd,
)
const end = fc.constantFrom('\n', '\n', '\n', '\r\n', '\n\n', '', '\u2028', '\0\n')
const damage = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 4 }),
  insert: fc.oneof(
    fc
      .constantFrom('', '\n', '{', '}', '"', '\\', ',', '[', '\ufeff')
      .map((text) => Buffer.from(text)),
    fc.constantFrom('[', '{"a":').map((text) => Buffer.from(text.repeat(1500))),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  ),
})
const made = fc
  .array(fc.tuple(line, end), { maxLength: 4 })
  .map((lines) => Buffer.from(lines.map(([one, stop]) => JSON.stringify(one) + stop).join('')))
const inputs = fc
  .tuple(
    fc.oneof({ weight: 8, arbitrary: made }, fc.constantFrom(Buffer.alloc(0), ...corpus)),
    fc.array(damage, { maxLength: 2 }),
  )
  .map(([bytes, damages]) =>
    damages.reduce((damaged: Buffer, { at, remove, insert }) => {
      const start = at % (damaged.length + 1)
      return Buffer.concat([damaged.subarray(0, start), insert, damaged.subarray(start + remove)])
    }, bytes),
  )

let runs = 0
const found = fc.check(
  fc.property(inputs, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
    runs += 1
    return contradiction(bytes, cuts) === undefined
  }),
  {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    examples: corpus.map((bytes): [Buffer, number[]] => [bytes, [1, 2, 3]]),
  },
)
if (found.failed && found.counterexample !== null) {
  const [bytes, cuts] = found.counterexample
  const file = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  writeFileSync(new URL(file, folder), bytes)
  const what = contradiction(bytes, cuts) ?? ''
  process.stdout.write(
    `ndjson: ${JSON.stringify(bytes.toString('latin1'))} cut at ${cuts.join()}: ${what}\n`,
  )
  process.exit(1)
}
process.stdout.write(`ndjson: ${runs} inputs in ${seconds} s, nothing found\n`)
