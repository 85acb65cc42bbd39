import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { servingCertificate } from '../../../test/support/discovery.ts'
import { performProbe } from './perform.ts'
import type { HttpGet, Probe } from './probe.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listening(server: Server | http2.Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => void server.close())
  return (server.address() as AddressInfo).port
}

const perform = (probe: Omit<Probe, 'timeoutSeconds'>, timeoutSeconds = 1): Promise<boolean> =>
  performProbe({ ...probe, timeoutSeconds }, (port) => ({ host: '127.0.0.1', port }))

const get = (port: number, more: Partial<HttpGet> = {}): Promise<boolean> =>
  perform({ httpGet: { port, path: '/', scheme: 'HTTP', httpHeaders: [], ...more } })

async function nobody(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  closing.pop()?.()
  return port
}

describe('HTTP', () => {
  test.each([
    [200, true],
    [204, true],
    [301, true],
    [399, true],
    [400, false],
    [404, false],
    [500, false],
    [101, false],
  ])('the status %i is well: %s', async (status, isWell) => {
    const port = await listening(
      createServer((socket) => {
        socket.on('error', () => undefined)
        socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      }),
    )
    expect(await get(port)).toBe(isWell)
  })

  test('path, query and headers are those of the probe, Host included', async () => {
    const heard: http.IncomingMessage[] = []
    const server = http.createServer((request, response) => {
      heard.push(request)
      response.end()
    })
    const port = await listening(server)
    await get(port, {
      path: '//elsewhere/ready?x=%2F',
      httpHeaders: [
        { name: 'Host', value: 'shop.example' },
        { name: 'X-Probe', value: 'one' },
        { name: 'X-Probe', value: 'two' },
        { name: 'User-Agent', value: 'mine' },
      ],
    })
    expect(heard[0]?.url).toBe('//elsewhere/ready?x=%2F')
    expect(heard[0]?.headers).toMatchObject({
      host: 'shop.example',
      'x-probe': 'one, two',
      'user-agent': 'mine',
    })
  })

  test('a redirect on the same host is followed, and what is there counts', async () => {
    const server = http.createServer((request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/moved' })
      else response.writeHead(503)
      response.end()
    })
    expect(await get(await listening(server))).toBe(false)
  })

  test('a redirect to elsewhere is well and is not followed', async () => {
    let asked = 0
    const elsewhere = await listening(http.createServer(() => (asked += 1)))
    const server = http.createServer((_request, response) => {
      response.writeHead(302, { location: `http://localhost:${elsewhere}/` }).end()
    })
    expect(await get(await listening(server))).toBe(true)
    expect(asked).toBe(0)
  })

  test('redirects that do not end are not well', async () => {
    const server = http.createServer((_request, response) => {
      response.writeHead(302, { location: '/' }).end()
    })
    expect(await get(await listening(server))).toBe(false)
  })

  test('HTTPS is asked whatever its certificate says', async () => {
    const { certificate, privateKey } = servingCertificate()
    const server = https.createServer({ cert: certificate, key: privateKey }, (_, response) =>
      response.end(),
    )
    expect(await get(await listening(server), { scheme: 'HTTPS' })).toBe(true)
  })

  test('an app that does not answer in time is not well', async () => {
    const port = await listening(createServer((socket) => socket.on('error', () => undefined)))
    const startedMs = performance.now()
    expect(await get(port)).toBe(false)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  test('an app that is not there is not well', async () => {
    expect(await get(await nobody())).toBe(false)
  })
})

describe('TCP', () => {
  test('a port that is open is well, and one that is not is not', async () => {
    const port = await listening(createServer((socket) => socket.destroy()))
    expect(await perform({ tcpSocket: { port } })).toBe(true)
    expect(await perform({ tcpSocket: { port: await nobody() } })).toBe(false)
  })
})

describe('gRPC', () => {
  interface Health {
    readonly status: number
    readonly grpcStatus: string
    readonly heard: Buffer[]
  }

  async function health({ status, grpcStatus, heard }: Health): Promise<number> {
    const server = http2.createServer()
    server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
      expect(headers[':path']).toBe('/grpc.health.v1.Health/Check')
      stream.on('data', (bytes: Buffer) => heard.push(bytes))
      stream.on('end', () => {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc' },
          { waitForTrailers: true },
        )
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }))
        stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]))
      })
    })
    return listening(server)
  }

  test.each([
    ['SERVING', 1, '0', true],
    ['NOT_SERVING', 2, '0', false],
    ['UNKNOWN', 0, '0', false],
    ['an error', 1, '5', false],
  ])('%s', async (_, status, grpcStatus, isWell) => {
    const port = await health({ status, grpcStatus, heard: [] })
    expect(await perform({ grpc: { port } })).toBe(isWell)
  })

  test('the service that is asked for is that of the probe', async () => {
    const heard: Buffer[] = []
    const port = await health({ status: 1, grpcStatus: '0', heard })
    const service = 'x'.repeat(200)
    await perform({ grpc: { port, service } })
    const body = Buffer.concat([Buffer.from([0x0a, 0xc8, 0x01]), Buffer.from(service)])
    const head = Buffer.from([0, 0, 0, 0, body.length])
    expect(Buffer.concat(heard).equals(Buffer.concat([head, body]))).toBe(true)
  })

  test('what does not speak it is not well', async () => {
    const port = await listening(http.createServer((_, response) => response.end()))
    expect(await perform({ grpc: { port } })).toBe(false)
    expect(await perform({ grpc: { port: await nobody() } })).toBe(false)
  })
})
