import http from 'node:http'
import net from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Refusal } from '../refusal/refusal.ts'
import { readBody } from './body.ts'
import { listen } from './listen.ts'

const maxBytes = 1000
let server: http.Server
const outcomes: unknown[] = []

afterEach(() => {
  server.close()
  server.closeAllConnections()
  outcomes.length = 0
})

/** Answers with the length of the body, or with the reason why not. */
async function start(): Promise<number> {
  server = http.createServer((request, response) => {
    readBody(request, maxBytes).then(
      (body) => {
        outcomes.push(body)
        response.end(String(body.length))
      },
      (error: unknown) => {
        const reason = error instanceof Refusal ? error.reason : error
        outcomes.push(reason)
        response.writeHead(400).end(reason)
      },
    )
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  return port
}

const post = async (port: number, body: string) => {
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })
  return [answer.status, await answer.text()]
}

test('a body up to the bound is read, in whatever pieces it comes', async () => {
  const port = await start()
  expect(await post(port, '')).toEqual([200, '0'])
  expect(await post(port, 'x'.repeat(maxBytes))).toEqual([200, '1000'])
  const socket = net.connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n')
  for (const byte of Buffer.from('€')) {
    socket.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => outcomes.at(-1)).toBe('€')
  socket.destroy()
})

test.each([1, 100, 100_000])('a body with %d bytes too many is told so', async (more) => {
  const port = await start()
  expect(await post(port, 'x'.repeat(maxBytes + more))).toEqual([400, 'invalid_request'])
  // The connection is still good for the next one.
  expect(await post(port, 'x')).toEqual([200, '1'])
})

test('a peer that goes away in the middle leaves nothing waiting', async () => {
  const port = await start()
  const socket = net.connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
  setImmediate(() => socket.end())
  await expect.poll(() => outcomes).toEqual(['malformed_request'])
})
