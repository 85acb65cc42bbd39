import { expect, test } from 'vitest'
import { bearer } from '../../test/support/world.ts'
import { createHandles, type Handles } from './handles.ts'
import { subjectOf } from './subject.ts'

const alice = subjectOf(bearer('web', 'orders', { subject: 'corp:alice' }), 'a'.repeat(500))

function make(bounds: { maxEntries?: number; maxBytes?: number } = {}): {
  handles: Handles
  clock: { ms: number }
} {
  const clock = { ms: 1_000 }
  let count = 0
  const newHandle = (): string => `h${(count += 1)}`
  return { handles: createHandles({ newHandle, nowMs: () => clock.ms, ...bounds }), clock }
}

/** Opens one; what refuses to open fails the test. */
function open(handles: Handles, subject = alice as typeof alice | undefined): string {
  const handle = handles.open(subject)
  if (handle === undefined) throw new Error('no handle')
  return handle
}

test('a handle opens its subject while the request runs and 30 s more', () => {
  const { handles, clock } = make()
  const handle = open(handles)
  clock.ms += 3_600_000
  expect(handles.find(handle)).toEqual({ kind: 'subject', subject: alice })
  handles.end(handle)
  clock.ms += 30_000
  expect(handles.find(handle).kind).toBe('subject')
  clock.ms += 1
  expect(handles.find(handle).kind).toBe('ended')
})

test('a handle of a public request opens nobody', () => {
  const { handles } = make()
  const handle = handles.open(undefined) ?? ''
  expect(handles.find(handle)).toEqual({ kind: 'nobody' })
})

test('what was never opened is unknown', () => {
  const { handles } = make()
  for (const handle of ['', 'h1', '__proto__', 'constructor']) {
    expect(handles.find(handle).kind).toBe('unknown')
  }
})

test('what ended long ago is forgotten by the sweep, what runs never', () => {
  const { handles, clock } = make()
  const running = open(handles)
  const over = open(handles)
  handles.end(over)
  clock.ms += 300_001
  handles.sweep()
  expect(handles.find(over).kind).toBe('unknown')
  expect(handles.find(running).kind).toBe('subject')
  expect(handles.size).toBe(1)
})

test('a second end does not lengthen it', () => {
  const { handles, clock } = make()
  const handle = open(handles)
  handles.end(handle)
  clock.ms += 29_000
  handles.end(handle)
  clock.ms += 2_000
  expect(handles.find(handle).kind).toBe('ended')
})

test('at the bound the longest ended go first; where all run there is no room', () => {
  const { handles } = make({ maxEntries: 3 })
  const [one, two, three] = [open(handles), open(handles), open(handles)]
  expect(handles.open(alice)).toBeUndefined()
  handles.end(two)
  handles.end(one)
  const four = open(handles)
  expect([one, two, three, four].map((handle) => handles.find(handle).kind)).toEqual([
    'subject',
    'unknown',
    'subject',
    'subject',
  ])
})

test('bytes count a shared token once and go back to nothing', () => {
  const { handles, clock } = make({ maxBytes: 10_000 })
  const all = Array.from({ length: 20 }, () => open(handles))
  expect(handles.bytes).toBe(20 * 200 + 1_000 + 500)
  for (const handle of all) handles.end(handle)
  clock.ms += 400_000
  handles.sweep()
  expect(handles).toMatchObject({ bytes: 0, size: 0 })
})

test('the bound on bytes holds', () => {
  const { handles } = make({ maxBytes: 2_000 })
  for (let at = 0; at < 100; at += 1) {
    const subject = subjectOf(bearer('web', 'orders'), 'a'.repeat(100))
    const handle = handles.open(subject)
    if (handle !== undefined) handles.end(handle)
    expect(handles.bytes).toBeLessThan(2_000 + 1_300)
  }
})

test('many short requests keep no trace of their order', () => {
  const { handles, clock } = make()
  for (let at = 0; at < 10_000; at += 1) {
    handles.end(open(handles))
    clock.ms += 300
    handles.sweep()
  }
  expect(handles.size).toBeLessThan(1_010)
})
