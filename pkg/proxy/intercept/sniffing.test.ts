import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, test } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { createLog } from '../../telemetry/log.ts'
import type { Dial } from '../forward/verdict.ts'
import { createSniffing, type Sniffing } from './sniffing.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Connections to a stranger whose name is being resolved for as long as the test says. */
async function resolving(): Promise<{
  readonly sniffing: Sniffing
  readonly app: Socket
  readonly asked: PromiseWithResolvers<Dial>[]
  readonly served: Socket[]
}> {
  const asked: PromiseWithResolvers<Dial>[] = []
  const served: Socket[] = []
  const sniffing = createSniffing({
    isMatched: () => false,
    dialOf: () => {
      const one = Promise.withResolvers<Dial>()
      asked.push(one)
      return one.promise
    },
    counts: { strayed: 0, appTls: 0, spliced: 0 },
    log: createLog({ name: 'test', level: 'silent' }),
    headMs: 10_000,
  })
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    closing.push(() => socket.destroy())
    sniffing.take(socket, { host: 'far.example', port: 80 }, () => served.push(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const app = connect((server.address() as AddressInfo).port, '127.0.0.1')
  app.on('error', () => undefined)
  closing.push(
    () => server.close(),
    () => app.destroy(),
  )
  return { sniffing, app, asked, served }
}

test('a name that does not resolve does not cut what is served by then', async () => {
  const { app, asked, served } = await resolving()
  let heard = ''
  app.on('data', (bytes) => (heard += bytes.toString()))
  await until('the name is asked for', () => asked.length === 1)
  app.write('GET / HTTP/1.1\r\n\r\n')
  await until('it is served', () => served.length === 1)
  asked[0]?.reject(new Error('there is no such name'))
  await Promise.allSettled(asked.map(({ promise }) => promise))
  served[0]?.end('the reason')
  await until('the answer', () => heard === 'the reason')
})

test('a name that does not resolve cuts who waits for it', async () => {
  const { app, asked } = await resolving()
  app.write('\x16\x03\x01')
  await until('the name is asked for', () => asked.length === 1)
  asked[0]?.reject(new Error('there is no such name'))
  await until('it is cut', () => app.destroyed)
})

test('what waits for a name when all is over is cut too', async () => {
  const { sniffing, app, asked } = await resolving()
  app.write('\x16\x03\x01')
  await until('the name is asked for', () => asked.length === 1)
  sniffing.abort()
  await until('it is cut', () => app.destroyed)
})
