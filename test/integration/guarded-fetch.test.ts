import https from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { createGuardedFetch } from '../../pkg/issuers/guarded-fetch.ts'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'

const system = tls.getCACertificates('default')
const closers: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  tls.setDefaultCACertificates(system)
  for (const close of closers.splice(0)) await close()
})

const root = issueRoot()

/** Fetches `https://idp.example` from a server on loopback with a certificate for some name. */
async function fetchFrom(options: {
  readonly certifiedName: string
  readonly isRootTrusted: boolean
}): Promise<{ text: Promise<string>; asked: () => number }> {
  const { certificate, privateKey } = issueServing({
    root,
    dnsNames: [options.certifiedName],
    ipAddresses: [],
  })
  let asked = 0
  const server = https.createServer({ cert: certificate, key: privateKey }, (_, response) => {
    asked += 1
    response.end('{"keys":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  if (options.isRootTrusted) tls.setDefaultCACertificates([root.certificate])
  const fetch = createGuardedFetch({
    allowPrivate: true,
    lookup: (_, callback) => {
      callback(null, [{ address: '127.0.0.1', family: 4 }])
    },
  })
  closers.push(() => {
    server.close()
    return fetch.close()
  })
  return { text: fetch.text(`https://idp.example:${port}/jwks`), asked: () => asked }
}

test('the certificate of the name in the URL is accepted', async () => {
  const { text } = await fetchFrom({ certifiedName: 'idp.example', isRootTrusted: true })
  expect(await text).toBe('{"keys":[]}')
})

test.each([
  ['of another name', { certifiedName: 'other.example', isRootTrusted: true }],
  ['of a root that nobody trusts', { certifiedName: 'idp.example', isRootTrusted: false }],
])('a certificate %s is refused, also where private addresses are allowed', async (_, options) => {
  const { text, asked } = await fetchFrom(options)
  await expect(text).rejects.toThrow()
  expect(asked()).toBe(0)
})
