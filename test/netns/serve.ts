/** A server for the checks: `http` tells what it heard, `greeting` speaks first, `echo` says it back. */
import http from 'node:http'
import { createServer, type Server } from 'node:net'

interface What {
  readonly host: string
  readonly port: number
  readonly kind: string
}

const { host, port, kind } = JSON.parse(process.argv[2] ?? '') as What

const makers: Readonly<Record<string, () => Server>> = {
  http: () =>
    http.createServer((request, response) => {
      const { method, url, headers, socket } = request
      const { localAddress, localPort, remoteAddress } = socket
      const heard = { method, url, headers, localAddress, localPort, remoteAddress }
      response.end(JSON.stringify(heard))
    }),
  greeting: () =>
    createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('220 ready\r\n')
      socket.on('data', (bytes) => socket.end(`250 ${bytes.toString('latin1')}`))
    }),
  echo: () =>
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket)
    }),
}

const server = makers[kind]?.()
if (server === undefined) throw new Error(`there is no server ${kind}`)
server.listen({ host, port }, () => console.log('listening'))
