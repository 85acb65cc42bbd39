import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLineReader, LineError, writeLine } from './lines.ts'
import { readDownstream, readUpstream } from './shape.ts'

function readAll(text: string | Buffer, chunkBytes = 1024, maxBytes = 1000): unknown[] {
  const values: unknown[] = []
  const reader = createLineReader(maxBytes, (value) => values.push(value))
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    reader.push(bytes.subarray(at, at + chunkBytes))
  }
  reader.end()
  return values
}

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

test.each([
  ['one line', '{"a":1}\n', [{ a: 1 }]],
  ['several lines', '{"a":1}\n{"b":"\\n"}\n', [{ a: 1 }, { b: '\n' }]],
  ['nothing', '', []],
  [
    'a line that is nested a little less deeply',
    `{"a":${'['.repeat(63)}${']'.repeat(63)}}\n`,
    [{ a: nested(63) }],
  ],
  ['a carriage return before the end', '{"a":1}\r\n', [{ a: 1 }]],
  [
    'a key that is special to objects',
    '{"__proto__":{"x":1}}\n',
    [JSON.parse('{"__proto__":{"x":1}}')],
  ],
])('%s is read, in chunks of any size', (_what, text, values) => {
  for (const chunkBytes of [1, 3, 1024]) expect(readAll(text, chunkBytes)).toEqual(values)
})

test.each([
  ['bad JSON', '{"a":}\n', 'a line is not JSON'],
  ['an empty line', '{"a":1}\n\n', 'a line is not JSON'],
  ['an array', '[1]\n', 'a line is not a JSON object'],
  ['null', 'null\n', 'a line is not a JSON object'],
  ['a byte order mark', '\ufeff{"a":1}\n', 'a line is not JSON'],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d, 0x0a]),
    'a line is not JSON',
  ],
  [
    'a line that is nested deeply',
    `{"a":${'['.repeat(64)}${']'.repeat(64)}}\n`,
    'a line is nested deeper than 64 levels',
  ],
  ['a line that is cut', '{"a":1}\n{"b"', 'the stream ended within a line'],
  ['a line over the bound', `{"a":"${'x'.repeat(1000)}"}\n`, 'a line is longer than 1000 bytes'],
  ['a line over the bound that never ends', 'x'.repeat(1001), 'a line is longer than 1000 bytes'],
])('%s is refused', (_what, text, message) => {
  expect(() => readAll(text)).toThrow(new LineError(message))
})

test('after a bad line nothing more is read', () => {
  const reader = createLineReader(100, () => undefined)
  expect(() => reader.push(Buffer.from('x\n'))).toThrow(LineError)
  expect(() => reader.push(Buffer.from('{}\n'))).toThrow(LineError)
})

test('whatever is written is read as it was', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
      fc.integer({ min: 1, max: 9 }),
      (values, chunk) => {
        const plain = JSON.parse(JSON.stringify(values)) as object[]
        expect(readAll(plain.map(writeLine).join(''), chunk, 1_000_000)).toEqual(plain)
      },
    ),
  )
})

const revision = { epoch: 1, versions: { Pod: 3 } }

describe('lines upstream', () => {
  const hello = { type: 'hello', kind: 'sidecar', features: [], hashes: {} }
  test.each([
    ['a hello', hello, hello],
    ['a hello with a revision', { ...hello, revision }, { ...hello, revision }],
    [
      'a hash of a section of a later version',
      { ...hello, hashes: { later: 'x', rules: 'y' } },
      { ...hello, hashes: { rules: 'y' } },
    ],
    [
      'a reason that is long',
      { type: 'nack', section: 'rules', hash: 'h', reason: 'x'.repeat(2000) },
      { type: 'nack', section: 'rules', hash: 'h', reason: 'x'.repeat(1000) },
    ],
    ['a hello with ports', { ...hello, bypass: [8081] }, { ...hello, bypass: [8081] }],
    [
      'an acknowledgement without ports, as of an older sidecar',
      { type: 'ack', hashes: {} },
      { type: 'ack', hashes: {} },
    ],
    [
      'more ports than are told of',
      { type: 'ack', hashes: {}, bypass: Array.from({ length: 99 }, (_, at) => at + 1) },
      { type: 'ack', hashes: {}, bypass: Array.from({ length: 32 }, (_, at) => at + 1) },
    ],
    [
      'a member that is not known yet',
      { type: 'ack', hashes: {}, later: 1 },
      { type: 'ack', hashes: {} },
    ],
  ])('%s is read', (_what, line, read) => {
    expect(readUpstream(line)).toEqual(read)
  })
  test.each([
    ['no type', {}],
    ['a type of the other direction', { type: 'heartbeat', revision, ageMs: 1 }],
    ['an unknown kind', { ...hello, kind: 'toString' }],
    ['features that are no list', { ...hello, features: 'x' }],
    ['a hash that is no text', { ...hello, hashes: { rules: 1 } }],
    ['a nack of no section', { type: 'nack', section: '__proto__', hash: 'h', reason: 'r' }],
    [
      'a revision with a negative version',
      { ...hello, revision: { epoch: 1, versions: { Pod: -1 } } },
    ],
    ['ports that are no list', { type: 'ack', hashes: {}, bypass: 8081 }],
    ['a port that is a text', { ...hello, bypass: ['8081; drop'] }],
    ['a port of no connection', { ...hello, bypass: [65_536] }],
  ])('%s is refused', (_what, line) => {
    expect(() => readUpstream(line)).toThrow(LineError)
  })
})

describe('lines downstream', () => {
  const update = { type: 'update', revision, sections: {} }
  const delta = { base: 'b', set: {}, remove: [] }
  test('a line of a type that is not known yet is passed over', () => {
    expect(readDownstream({ type: 'later' })).toBeUndefined()
  })
  test('a section that is not known yet is passed over', () => {
    const sections = { later: { hash: 1 }, rules: { hash: 'h', value: {} } }
    expect(readDownstream({ ...update, sections })).toEqual({
      ...update,
      sections: { rules: { hash: 'h', value: {} } },
    })
  })
  test.each([
    ['no type', { revision }],
    ['no revision', { type: 'update', sections: {} }],
    ['a section with neither value nor delta', { ...update, sections: { rules: { hash: 'h' } } }],
    ['a section with both', { ...update, sections: { rules: { hash: 'h', value: {}, delta } } }],
    [
      'a delta with no base',
      { ...update, sections: { addresses: { hash: 'h', delta: { set: {}, remove: [] } } } },
    ],
    [
      'a delta that removes what is no key',
      { ...update, sections: { addresses: { hash: 'h', delta: { ...delta, remove: [1] } } } },
    ],
    ['a heartbeat with no age', { type: 'heartbeat', revision, ageMs: null }],
  ])('%s is refused', (_what, line) => {
    expect(() => readDownstream(line)).toThrow(LineError)
  })
})
