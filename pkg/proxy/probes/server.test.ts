import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createProbeServer } from './server.ts'
import type { Probe } from './probe.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function open(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

interface Made {
  readonly ask: (path: string, method?: string) => Promise<Response>
  readonly asked: string[]
  readonly addresses: string[]
}

async function probePort(
  state: { isStarted?: boolean; isReady?: boolean; status?: number } = {},
): Promise<Made> {
  const { isStarted = true, isReady = true, status = 200 } = state
  const asked: string[] = []
  const addresses: string[] = []
  const app = await open(
    http.createServer((request, response) => {
      asked.push(request.url ?? '')
      setImmediate(() => response.writeHead(status, { 'x-secret': 'yes' }).end('secret'))
    }),
  )
  const probe: Probe = {
    httpGet: { port: 8080, path: '/well', scheme: 'HTTP', httpHeaders: [] },
    timeoutSeconds: 1,
  }
  const port = await open(
    createProbeServer({
      isStarted: () => isStarted,
      isReady: () => isReady,
      probes: new Map([['/probes/app/liveness', probe]]),
      addressOf: (podAddress) => {
        addresses.push(podAddress)
        return { host: '127.0.0.1', port: app }
      },
    }),
  )
  const ask = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { method })
  return { ask, asked, addresses }
}

test('started and ready are told by their status', async () => {
  const well = await probePort()
  expect((await well.ask('/startupz')).status).toBe(200)
  expect((await well.ask('/readyz')).status).toBe(200)
  const not = await probePort({ isStarted: false, isReady: false })
  expect((await not.ask('/startupz')).status).toBe(503)
  expect((await not.ask('/readyz')).status).toBe(503)
})

test('a probe is made at the address to which the kubelet came, and only its result is told', async () => {
  const { ask, asked, addresses } = await probePort()
  const answer = await ask('/probes/app/liveness')
  expect(answer.status).toBe(200)
  expect(await answer.text()).toBe('')
  expect(answer.headers.get('x-secret')).toBeNull()
  expect(asked).toEqual(['/well'])
  expect(addresses).toEqual(['127.0.0.1'])
})

test('whatever the app says that is not well, the answer is 503', async () => {
  const { ask } = await probePort({ status: 418 })
  const answer = await ask('/probes/app/liveness')
  expect([answer.status, await answer.text()]).toEqual([503, ''])
})

test('who asks many times at once makes the app work once', async () => {
  const { ask, asked } = await probePort()
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/probes/app/liveness')))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect(asked.length).toBeLessThan(20)
})

test.each(['/', '/policy', '/metrics', '/healthz', '/probes/app/readiness', '/readyz?x', '/well'])(
  'nothing is at %s',
  async (path) => {
    const { ask, asked } = await probePort()
    expect((await ask(path)).status).toBe(404)
    expect(asked).toEqual([])
  },
)

test('only GET is answered', async () => {
  const { ask, asked } = await probePort()
  expect((await ask('/probes/app/liveness', 'POST')).status).toBe(405)
  expect(asked).toEqual([])
})
