import { expect, test } from 'vitest'
import type { Dial } from '../forward/verdict.ts'
import { createLog } from '../../telemetry/log.ts'
import { findProblem, startSelfCheck, type Listen } from './self-check.ts'

const greetings = { inbound: 'us inbound', outbound: 'us outbound' }

/** What a pod with all its rules answers; `change` is what is wrong. */
function pod(change: (to: Dial) => string | null | undefined = () => undefined) {
  const dialled: string[] = []
  const listen = (to: Dial): Promise<string | undefined> => {
    dialled.push(`${to.from ?? ''}>${to.host}`)
    const changed = change(to)
    if (changed !== undefined) return Promise.resolve(changed ?? undefined)
    if (to.host === '192.0.2.145' || to.host === '2001:db8:15::145') {
      return Promise.resolve(greetings.outbound)
    }
    return Promise.resolve(to.from === undefined ? undefined : greetings.inbound)
  }
  return { dialled, listen }
}

const both = ['10.0.0.5', 'fd00::5']

test('a pod whose rules are there has no problem, and every way of both families was dialled', async () => {
  const { dialled, listen } = pod()
  expect(await findProblem(both, greetings, listen)).toBeUndefined()
  expect(dialled).toEqual([
    '>192.0.2.145',
    '>10.0.0.5',
    '127.0.0.1>10.0.0.5',
    '>2001:db8:15::145',
    '>fd00::5',
    '::1>fd00::5',
  ])
})

test('a family of which the pod has no address is not dialled', async () => {
  const { dialled, listen } = pod()
  await findProblem(['fd00::5'], greetings, listen)
  expect(dialled).not.toContain('>192.0.2.145')
})

test.each([
  [
    'a marker that nobody answers',
    (to: Dial) => (to.host === '192.0.2.145' ? null : undefined),
    'marker address 192.0.2.145 did not arrive',
  ],
  [
    'a marker that another process answers',
    (to: Dial) => (to.host === '2001:db8:15::145' ? 'them outbound' : undefined),
    'tokenward-redirect (IPv6)',
  ],
  [
    'a way in that is not there',
    (to: Dial) => (to.from === '127.0.0.1' ? null : undefined),
    'what comes to 10.0.0.5 is not redirected',
  ],
  [
    'a way in that leads out',
    (to: Dial) => (to.from === '::1' ? greetings.outbound : undefined),
    'what comes to fd00::5 is not redirected',
  ],
  [
    'a sidecar that is redirected to itself',
    (to: Dial) =>
      to.host === '10.0.0.5' && to.from === undefined ? greetings.outbound : undefined,
    'it must run as the user',
  ],
])('%s is said', async (_, change, said) => {
  expect(await findProblem(both, greetings, pod(change).listen)).toContain(said)
})

test('an app that listens at the port of the marker is no problem', async () => {
  const { listen } = pod((to) =>
    to.from === undefined && to.host === '10.0.0.5' ? 'hello' : undefined,
  )
  expect(await findProblem(both, greetings, listen)).toBeUndefined()
})

test('a pod without an address is not ready', async () => {
  expect(await findProblem([], greetings, pod().listen)).toBe('this pod has no address yet')
})

/** The check of a sidecar that starts; `listen` answers what it dials. */
function starting(listen: Listen) {
  const lines: string[] = []
  const log = createLog({ name: 'sidecar', level: 'info', write: (line) => lines.push(line) })
  const check = startSelfCheck({ pod: { all: () => ['10.0.0.5'] }, greetings, log, listen })
  return { check, lines }
}

test('rules that come while the sidecar starts are seen soon, and their absence is no error', async () => {
  const { listen } = pod()
  let dials = 0
  const before = performance.now()
  const { check, lines } = starting((to) => {
    dials += 1
    return dials > 3 ? listen(to) : Promise.resolve(undefined)
  })
  expect(check.problem()).toBeDefined()
  await check.begun
  expect(check.problem()).toBeUndefined()
  expect(performance.now() - before).toBeLessThan(450)
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['info'])
  check.close()
})

test('rules that do not come are an error after a while, and waiting for them ends', async () => {
  const { check, lines } = starting(() => Promise.resolve(undefined))
  await check.begun
  expect(check.problem()).toContain('did not arrive')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('"level":"error"')
  check.close()
})

test('a sidecar that is closed waits no longer', async () => {
  const { check } = starting(() => Promise.resolve(undefined))
  check.close()
  await check.begun
})
