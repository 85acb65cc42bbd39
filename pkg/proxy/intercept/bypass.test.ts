import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { createLog } from '../../telemetry/log.ts'
import { startBypassCheck } from './bypass.ts'

async function listening(host: string): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

test('an app that answers at the address of the pod is told of; one on loopback alone is not', async () => {
  const lines: string[] = []
  const log = createLog({ name: 'test', level: 'info', write: (line) => lines.push(line) })
  const bare = await listening('127.0.0.2')
  const hidden = await listening('127.0.0.1')
  const pod = { all: () => ['127.0.0.2'] }
  const told: (readonly number[])[] = []
  const ports = [bare.port, hidden.port]
  const check = startBypassCheck({ pod, ports, log, onChange: (open) => told.push(open) })
  await until('it is found', () => check.open().length > 0)
  expect(check.open()).toEqual([`127.0.0.2:${bare.port}`])
  expect(lines.join('')).toContain('"reason":"BypassPossible"')
  expect(told).toEqual([[bare.port]])
  check.close()
  bare.close()
  hidden.close()
})

test('an app that starts after its sidecar is found', async () => {
  const { port, close } = await listening('127.0.0.2')
  close()
  const log = createLog({ name: 'test', level: 'silent' })
  const told: (readonly number[])[] = []
  const onChange = (open: readonly number[]): void => void told.push(open)
  const check = startBypassCheck({
    pod: { all: () => ['127.0.0.2'] },
    ports: [port],
    log,
    onChange,
  })
  const app = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => app.listen(port, '127.0.0.2', resolve))
  await until('it is found', () => check.open().length > 0)
  app.close()
  await until('and that it is over', () => told.length === 2)
  expect(told).toEqual([[port], []])
  check.close()
})

test('without ports nothing is dialled', () => {
  const all = (): never => {
    throw new Error('nobody asked')
  }
  const log = createLog({ name: 'test', level: 'silent' })
  const check = startBypassCheck({ pod: { all }, ports: [], log, onChange: all })
  expect(check.open()).toEqual([])
  check.close()
})

test('a system that does not tell its addresses ends no process', async () => {
  const lines: string[] = []
  const log = createLog({ name: 'test', level: 'info', write: (line) => lines.push(line) })
  const all = (): never => {
    throw new Error('it does not say')
  }
  const check = startBypassCheck({ pod: { all }, ports: [80], log, onChange: () => undefined })
  await until('it is told', () => lines.join('').includes('it does not say'))
  check.close()
})
