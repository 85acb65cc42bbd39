import { randomFillSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { bearer } from '../../test/support/world.ts'
import { createHandles, type Handle, type Handles } from './handles.ts'
import { subjectOf, type Subject } from './subject.ts'

const subjectNamed = (name: string): Subject =>
  subjectOf(bearer('web', 'orders', { subject: name }), 'a'.repeat(500))
const alice = subjectNamed('corp:alice')

function make(bounds: { maxEntries?: number; maxBytes?: number } = {}): {
  handles: Handles
  clock: { ms: number }
} {
  const clock = { ms: 0 }
  const fill = (target: Buffer): void => {
    randomFillSync(target)
  }
  return { handles: createHandles({ fill, nowMs: () => clock.ms, ...bounds }), clock }
}

/** Opens one; what refuses to open fails the test. */
function open(handles: Handles, subject: Subject | undefined = alice): Handle {
  const handle = handles.open(subject)
  if (handle === undefined) throw new Error('no handle')
  return handle
}

test('a handle opens its subject while the request runs and 30 s more', () => {
  const { handles, clock } = make()
  const handle = open(handles)
  clock.ms += 3_600_000
  expect(handles.find(handle.text)).toEqual({ kind: 'subject', subject: alice })
  handles.end(handle)
  clock.ms += 30_000
  expect(handles.find(handle.text).kind).toBe('subject')
  clock.ms += 1
  expect(handles.find(handle.text).kind).toBe('ended')
})

test('a handle of a public request opens nobody', () => {
  const { handles } = make()
  expect(handles.find(handles.open(undefined)?.text ?? '')).toEqual({ kind: 'nobody' })
})

test('handles are long, and never the same twice', () => {
  const { handles } = make()
  const texts = Array.from({ length: 1_000 }, () => open(handles).text)
  expect(new Set(texts.map((text) => text.split('.')[1])).size).toBe(1_000)
  expect(texts.every((text) => /^[0-9a-z]{1,6}\.[\w-]{22}$/.test(text))).toBe(true)
})

test('what was never opened is unknown, however near it comes', () => {
  const { handles } = make()
  const { text } = open(handles)
  const [slot = '', random = ''] = text.split('.')
  const last = random.endsWith('A') ? 'Q' : 'A'
  for (const guess of [
    '',
    '.',
    slot,
    `${slot}.`,
    `.${random}`,
    `1.${random}`,
    `zzzzzz.${random}`,
    `-0.${random}`,
    `0${slot}.${random}`,
    `${slot}.${random.slice(0, -1)}${last}`,
    `${slot}.${random}=`,
    `${slot}.${random.slice(0, -1)}`,
    ` ${text}`,
    `${text} `,
    'NaN.aaaaaaaaaaaaaaaaaaaaaa',
    '__proto__',
    `1.${'A'.repeat(22)}`,
  ]) {
    expect([guess, handles.find(guess).kind]).toEqual([guess, 'unknown'])
  }
  expect(handles.find(text).kind).toBe('subject')
})

test('the sweep lets go of what is over, and still tells that it was', () => {
  const { handles, clock } = make()
  const runs = open(handles, subjectNamed('corp:bob'))
  const over = open(handles)
  handles.end(over)
  expect(handles.bytes).toBe(2 * 1_500)
  clock.ms += 30_001
  handles.sweep()
  expect(handles.bytes).toBe(1_500)
  expect(handles.find(over.text).kind).toBe('ended')
  expect(handles.find(runs.text).kind).toBe('subject')
  expect(handles.running).toBe(1)
})

test('a slot that is used again opens nothing to its old handle', () => {
  const { handles, clock } = make({ maxEntries: 1 })
  const old = open(handles)
  handles.end(old)
  clock.ms += 30_001
  const young = open(handles, subjectNamed('corp:bob'))
  expect(young.slot).toBe(old.slot)
  expect(handles.find(old.text).kind).toBe('unknown')
  expect(handles.find(young.text)).toMatchObject({ subject: { bearer: { subject: 'corp:bob' } } })
})

test('at the bound what ended goes first; where all run there is no room', () => {
  const { handles } = make({ maxEntries: 3 })
  const [one, two, three] = [open(handles), open(handles), open(handles)]
  expect(handles.open(alice)).toBeUndefined()
  handles.end(two)
  const four = open(handles)
  expect([one, two, three, four].map(({ text }) => handles.find(text).kind)).toEqual([
    'subject',
    'unknown',
    'subject',
    'subject',
  ])
  expect(handles.open(alice)).toBeUndefined()
})

test('it grows before it forgets, and what it holds survives', () => {
  const { handles, clock } = make()
  const all = Array.from({ length: 10_000 }, () => open(handles))
  for (const handle of all) handles.end(handle)
  clock.ms += 30_000
  const more = Array.from({ length: 10_000 }, () => open(handles))
  for (const { text } of [...all, ...more]) expect(handles.find(text).kind).toBe('subject')
})

test('a flood forgets what ended longest ago and never what runs', () => {
  const { handles, clock } = make({ maxEntries: 4_096 })
  const runs = open(handles)
  let last = runs
  for (let at = 0; at < 50_000; at += 1) {
    last = open(handles)
    handles.end(last)
    clock.ms += 0.01
  }
  expect(handles.find(runs.text).kind).toBe('subject')
  expect(handles.find(last.text).kind).toBe('subject')
})

test('a shared token is counted once and goes back to nothing', () => {
  const { handles, clock } = make()
  const all = Array.from({ length: 20 }, () => open(handles))
  expect(handles).toMatchObject({ bytes: 1_500, running: 20 })
  for (const handle of all) handles.end(handle)
  clock.ms += 400_000
  handles.sweep()
  expect(handles).toMatchObject({ bytes: 0, running: 0 })
})

test('bytes are bounded: ended requests lose their subject, running ones leave no room', () => {
  const { handles } = make({ maxBytes: 15_000 })
  const first = open(handles, subjectNamed('corp:0'))
  handles.end(first)
  const rest = Array.from({ length: 100 }, (_, at) => {
    const handle = open(handles, subjectNamed(`corp:${at + 1}`))
    handles.end(handle)
    expect(handles.bytes).toBeLessThanOrEqual(16_500)
    return handle
  })
  expect(handles.find(first.text).kind).toBe('ended')
  expect(handles.find(rest.at(-1)?.text ?? '').kind).toBe('subject')
  const kept = Array.from({ length: 20 }, (_, at) => handles.open(subjectNamed(`corp:run-${at}`)))
  expect(kept.filter((handle) => handle === undefined).length).toBeGreaterThan(0)
})
