import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createLog } from '../telemetry/log.ts'
import { askAt, awaitSidecar } from './await-sidecar.ts'

/** Waits for a sidecar that gives these reasons, one each 1.5 s, and is ready then. */
async function waiting(reasons: readonly string[]): Promise<Record<string, unknown>[]> {
  const lines: string[] = []
  const log = createLog({ name: 'redirect', level: 'info', write: (line) => lines.push(line) })
  const left = [...reasons]
  let nowMs = 0
  const ask = (): Promise<string | undefined> => {
    nowMs += 1_500
    return Promise.resolve(left.shift())
  }
  await awaitSidecar(ask, { log, nowMs: () => nowMs })
  expect(left).toEqual([])
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a sidecar that starts as usual is waited for without a word of why', async () => {
  const lines = await waiting(['no policy yet'])
  expect(lines.map(({ msg }) => msg)).toEqual(['the sidecar has started'])
})

test('later each reason is said once, however often and in whatever order it comes', async () => {
  const lines = await waiting(['no policy yet', 'no policy yet', 'no rules', 'no policy yet'])
  expect(lines.map(({ reason }) => reason)).toEqual(['no policy yet', 'no rules', undefined])
})

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function sidecar(answer: RequestListener): Promise<{ host: string; port: number }> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

test('a sidecar that is ready has started', async () => {
  const ask = askAt(await sidecar((request, response) => response.end(request.url)))
  expect(await ask()).toBeUndefined()
})

test.each<readonly [string, RequestListener, string]>([
  [
    'says why it is not ready',
    (_, response) => response.writeHead(503).end('no policy yet\nand more'),
    'no policy yet',
  ],
  ['says nothing of why', (_, response) => response.writeHead(503).end(), 'it answers 503'],
  ['has no such page', (_, response) => response.writeHead(404).end(), 'it answers 404'],
  ['sends elsewhere', (_, response) => response.writeHead(302).end(), 'it answers 302'],
  ['breaks off', (_, response) => response.destroy(), 'socket hang up'],
  ['does not answer in time', () => undefined, 'it does not answer'],
  ['talks much', (_, response) => response.writeHead(503).end('x'.repeat(9_999)), 'x'.repeat(300)],
])('a sidecar that %s has not started', async (_, answer, said) => {
  expect(await askAt(await sidecar(answer))()).toBe(said)
})

test('a sidecar that does not listen has not started', async () => {
  const at = await sidecar(() => undefined)
  await new Promise((resolve) => servers.pop()?.close(resolve))
  expect(await askAt(at)()).toContain('look at the log of tokenward-sidecar')
})
