import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { rawClient, startWire, type Wire } from '../support/wire.ts'

let wire: Wire | undefined
afterEach(async () => {
  await wire?.close()
  wire = undefined
})

/**
 * An app like Python's http.server: it answers by the head alone and leaves the body unread, so that what
 * follows is its next request. It does obey `Connection: close`.
 */
function careless(heard: string[]): (socket: Socket) => void {
  return (socket) => {
    let unread = ''
    socket.on('data', (bytes: Buffer) => {
      unread += bytes.toString('latin1')
      for (let end = unread.indexOf('\r\n\r\n'); end !== -1; end = unread.indexOf('\r\n\r\n')) {
        const head = unread.slice(0, end)
        unread = unread.slice(end + 4)
        heard.push(head.split('\r\n', 1)[0] ?? '')
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        if (/^connection:.*\bclose\b/im.test(head)) {
          unread = ''
          socket.end()
          return
        }
      }
    })
  }
}

const hidden = 'DELETE /admin HTTP/1.1\r\nHost: shop\r\nTokenward-Subject: corp:root\r\n\r\n'

test.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND'])(
  'a request in the body of %s is not read as one by an app that leaves bodies unread',
  async (method) => {
    const heard: string[] = []
    wire = await startWire({ raw: careless(heard) })
    const client = rawClient(wire.port)
    client.send(
      `${method} /open HTTP/1.1\r\nHost: shop\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    )
    await client.receives('200 OK')
    client.send('GET /next HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n')
    await client.ends()
    expect(heard).toEqual([`${method} /open HTTP/1.1`, 'GET /next HTTP/1.1'])
    expect(wire.proxy.stats.upstreamConnections).toBe(2)
  },
)

test.each([
  ['GET without a body', 'GET / HTTP/1.1\r\nHost: shop\r\n\r\n'],
  ['GET with a body of no bytes', 'GET / HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n'],
  ['POST with a body', 'POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nhi'],
])('a connection to the app is kept after a %s', async (_, request) => {
  wire = await startWire({ app: (asked, answer) => asked.resume().on('end', () => answer.end()) })
  const client = rawClient(wire.port)
  client.send(request)
  await client.receives('200 OK')
  client.send('GET /next HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n')
  await client.ends()
  expect(wire.proxy.stats.upstreamConnections).toBe(1)
})
