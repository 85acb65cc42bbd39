import http from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { drain, listen } from '../../pkg/http/listen.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { closing, closeAll, conditionOf, follow, folderOf, start } from '../support/controller.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

const issuerText = (jwksUri: string): string => `apiVersion: tokenward.dev/v1alpha1
kind: TrustedIssuer
metadata: { name: corp }
spec:
  issuer: https://login.corp.example
  keys: { jwksUri: "${jwksUri}" }
  audiences:
  - value: https://shop.example
    services: [{ namespace: shop, name: orders }]
`

/** An issuer's own server on loopback. */
async function keyServer(): Promise<{ url: string; kid: string }> {
  const key = generateSigningKey()
  const server = http.createServer((_request, response) => {
    response.end(JSON.stringify({ keys: [key.publicJwk] }))
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  closing(() => drain(server, 0))
  return { url: `http://127.0.0.1:${port}/jwks`, kid: key.kid }
}

test("an issuer's keys are fetched and sent, and belong to the address that they came from", async () => {
  const state = folderOf(['orders', 'payments'])
  const [first, second] = [await keyServer(), await keyServer()]
  state.write('issuer.yaml', issuerText(first.url))
  const controller = await start(state)
  const orders = follow(state, controller, 'orders')
  const payments = follow(state, controller, 'payments')
  const kids = (): unknown[] =>
    orders.latest()?.issuers.issuers.flatMap(({ jwks }) => jwks?.keys.map((key) => key['kid'])) ??
    []
  await until('the keys arrive', () => kids()[0] === first.kid)
  await until('the status says so', () =>
    (conditionOf(state, 'TrustedIssuer/corp.yaml', 'KeysAvailable') ?? '').startsWith('True'),
  )
  expect(payments.latest()?.issuers.issuers).toEqual([])
  state.write('issuer.yaml', issuerText(second.url))
  await until('the other keys arrive', () => kids()[0] === second.kid)
  state.write('issuer.yaml', issuerText('http://127.0.0.1:1/jwks'))
  await until('no keys are left', () => kids()[0] === undefined)
  await until('the status names the error', () =>
    /^False NotFetched: the last fetch failed: ./.test(
      conditionOf(state, 'TrustedIssuer/corp.yaml', 'KeysAvailable') ?? '',
    ),
  )
})

test('without the setting, keys are not fetched from private addresses', async () => {
  const state = folderOf(['orders'])
  const { url } = await keyServer()
  state.write('issuer.yaml', issuerText(url))
  const orders = follow(state, await start(state, { allowPrivateIssuers: false }), 'orders')
  await until('the status says why', () =>
    (conditionOf(state, 'TrustedIssuer/corp.yaml', 'KeysAvailable') ?? '').startsWith('False'),
  )
  expect(orders.latest()?.issuers.issuers[0]?.jwks).toBeUndefined()
})
