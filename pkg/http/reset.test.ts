import net from 'node:net'
import { expect, test } from 'vitest'
import { listen } from './listen.ts'
import { reset } from './reset.ts'

/** How a connection ends for a client that reads on, when the server does this to it. */
async function endOf(work: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.write('hi', () => work(socket))
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  const client = net.connect({ host: '127.0.0.1', port }).resume()
  const ended = await new Promise<string>((resolve) => {
    client.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    client.on('close', () => resolve('closed'))
  })
  await new Promise((resolve) => server.close(resolve))
  return ended
}

test('a connection is reset', async () => {
  expect(await endOf(reset)).toBe('ECONNRESET')
})

test.each([
  ['at once', (socket: net.Socket) => reset(socket)],
  ['a moment later', (socket: net.Socket) => process.nextTick(reset, socket)],
  [
    'after the other side was told',
    (socket: net.Socket) => socket.on('finish', () => reset(socket)),
  ],
])('one whose end is on its way is closed, %s', async (_, later) => {
  const errors: Error[] = []
  const ended = await endOf((socket) => {
    socket.on('error', (error) => errors.push(error))
    socket.end()
    later(socket)
  })
  expect(['closed', 'ECONNRESET']).toContain(ended)
  expect(errors).toEqual([])
})

test('one that is not there yet is given up, not waited for', async () => {
  const server = net.createServer()
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  const socket = net.connect({ host: '127.0.0.1', port })
  reset(socket)
  expect(socket.destroyed).toBe(true)
  await new Promise((resolve) => server.close(resolve))
})
