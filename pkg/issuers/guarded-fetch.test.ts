import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createGuardedFetch, type GuardOptions, type Lookup } from './guarded-fetch.ts'

const closers: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A real server on loopback; says how often it was asked. */
async function serve(
  handler: http.RequestListener,
  host = '127.0.0.1',
): Promise<{ port: number; asked: () => number }> {
  let asked = 0
  const server = http.createServer((request, response) => {
    asked += 1
    handler(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked: () => asked }
}

function guarded(options: Partial<GuardOptions> = {}): (url: string) => Promise<string> {
  const fetch = createGuardedFetch({ allowPrivate: true, ...options })
  closers.push(() => fetch.close())
  return (url) => fetch.text(url)
}

const resolveTo =
  (...addresses: string[]): Lookup =>
  (_, callback) => {
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }

test('a 200 answer on a private address is given where that is allowed', async () => {
  const { port } = await serve((_, response) => response.end('{"keys":[]}'))
  expect(await guarded()(`http://127.0.0.1:${port}/jwks`)).toBe('{"keys":[]}')
  expect(await guarded({ lookup: resolveTo('127.0.0.1') })(`http://idp.example:${port}/`)).toBe(
    '{"keys":[]}',
  )
})

test.each([
  'https://127.0.0.1:PORT/',
  'https://[::1]:PORT/',
  'https://[::ffff:127.0.0.1]:PORT/',
  'https://2130706433:PORT/',
  'https://0x7f.1:PORT/',
  'https://localhost:PORT/',
  'https://10.0.0.1:PORT/',
])('%s is not dialled where private addresses are not allowed', async (url) => {
  const { port, asked } = await serve((_, response) => response.end('{}'))
  const text = guarded({ allowPrivate: false, timeoutMs: 500 })
  await expect(text(url.replace('PORT', String(port)))).rejects.toThrow('may not be dialled')
  expect(asked()).toBe(0)
})

test.each([
  'http://169.254.169.254/latest/meta-data',
  'http://[fe80::1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://0.0.0.0/',
  'http://[fd00:ec2::254]/',
])('%s is never dialled, even where private addresses are allowed', async (url) => {
  await expect(guarded({ timeoutMs: 500 })(url)).rejects.toThrow('may not be dialled')
})

test.each([
  ['a metadata address', ['169.254.169.254']],
  ['a mapped metadata address', ['::ffff:169.254.169.254']],
  ['a good address beside a metadata address', ['127.0.0.1', '169.254.169.254']],
])('a name that resolves to %s is not dialled', async (_, addresses) => {
  const { port, asked } = await serve((__, response) => response.end('{}'))
  const text = guarded({ lookup: resolveTo(...addresses) })
  await expect(text(`http://idp.example:${port}/`)).rejects.toThrow('may not be dialled')
  expect(asked()).toBe(0)
})

test('a name that is public when it is looked at and private when it is dialled gains nothing', async () => {
  const { port, asked } = await serve((_, response) => response.end('{}'))
  let looked = 0
  const rebinding: Lookup = (_, callback) => {
    looked += 1
    // The first answer is the only one that counts; 192.0.2.1 does not answer.
    resolveTo(looked === 1 ? '8.8.8.8' : '127.0.0.1')('', callback)
  }
  const text = guarded({ allowPrivate: false, lookup: rebinding, timeoutMs: 300 })
  await expect(text(`https://idp.example:${port}/`)).rejects.toThrow()
  expect(looked).toBe(1)
  await expect(text(`https://idp.example:${port}/`)).rejects.toThrow('may not be dialled')
  expect(asked()).toBe(0)
})

test('plain http is refused where private addresses are not allowed', async () => {
  const text = guarded({ allowPrivate: false })
  await expect(text('http://idp.example/')).rejects.toThrow('not https')
})

test.each([
  'ftp://idp.example/',
  'file:///etc/passwd',
  'data:,x',
  '/jwks',
  'http://u:p@idp.example/',
])('%s is not a URL to fetch', async (url) => {
  await expect(guarded()(url)).rejects.toThrow(/URL/)
})

test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
  const inner = await serve((_, response) => response.end('{"keys":[]}'))
  const { port } = await serve((_, response) => {
    response.writeHead(status, { location: `http://127.0.0.1:${inner.port}/` }).end()
  })
  await expect(guarded()(`http://127.0.0.1:${port}/`)).rejects.toThrow(`status ${status}`)
  expect(inner.asked()).toBe(0)
})

test('an answer that is not 200 shows no more than its status', async () => {
  const { port } = await serve((_, response) => response.writeHead(500).end('secret'))
  await expect(guarded()(`http://127.0.0.1:${port}/`)).rejects.toThrow(
    /^the answer has status 500$/,
  )
})

test('a body of the bound is read, one byte more is not', async () => {
  const { port } = await serve((request, response) => {
    response.end('x'.repeat(Number(request.url?.slice(1))))
  })
  const text = guarded({ maxBytes: 100 })
  expect(await text(`http://127.0.0.1:${port}/100`)).toHaveLength(100)
  await expect(text(`http://127.0.0.1:${port}/101`)).rejects.toThrow('more than 100 bytes')
})

test('a body without end is cut', async () => {
  let cut = false
  const { port } = await serve((_, response) => {
    const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
    response.on('close', () => {
      cut = true
      clearInterval(timer)
    })
  })
  await expect(guarded()(`http://127.0.0.1:${port}/`)).rejects.toThrow('more than 262144 bytes')
  await expect.poll(() => cut).toBe(true)
})

test.each([
  ['never begins', () => undefined],
  [
    'trickles',
    (_: unknown, response: http.ServerResponse) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => {
        clearInterval(timer)
      })
    },
  ],
])('an answer that %s is given up when the time is over', async (_, handler) => {
  const { port } = await serve(handler)
  const began = performance.now()
  await expect(guarded({ timeoutMs: 300 })(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  expect(performance.now() - began).toBeLessThan(3_000)
})
