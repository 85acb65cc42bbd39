/** The authority as a process of its own: what it keeps over a restart, fetches, and finishes. */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listen } from '../../pkg/http/listen.ts'
import type { Edge } from '../../pkg/policy/workload-policy.ts'
import { clientCredentialsRequest, exchangeRequest } from '../../pkg/token/exchange.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { sign } from '../../pkg/token/sign.ts'
import {
  authorityFacts,
  ca,
  generationOf,
  nowSeconds,
  podToken,
  policyOf,
  serviceAccounts,
  startDiscovery,
  type TestServer,
} from '../support/discovery.ts'
import { endPrograms, launch, makePlace, type Place, type Program } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { audience, identity } from '../support/world.ts'

const issuer = 'https://authority.example'
const signing = generateSigningKey()
const corpKey = generateSigningKey('corp-1')
const edge: Edge = {
  policy: 'shop/payments',
  rule: 'orders-charges',
  needs: [],
  client: identity('orders'),
  clientUid: 'sa-orders',
  audience: audience('payments'),
  scopes: ['charges:write'],
  delegation: 'Allowed',
  subjectScopes: [],
  lifetimeSeconds: 300,
  maxActors: 4,
}

let place: Place
let discovery: TestServer
let keyServer: http.Server
let jwksUri = ''
let version = 0

beforeEach(async () => {
  place = makePlace()
  place.write('discovery', podToken('authority', authorityFacts))
  place.write(
    'signing.json',
    JSON.stringify({ keys: [{ state: 'active', jwk: signing.privateJwk }] }),
  )
  discovery = await startDiscovery()
  keyServer = http.createServer((_, response) => {
    response.end(JSON.stringify({ keys: [corpKey.publicJwk] }))
  })
  const { port } = await listen(keyServer, { host: '127.0.0.1', port: 0 })
  jwksUri = `http://127.0.0.1:${port}/jwks`
})
afterEach(async () => {
  endPrograms()
  await discovery[Symbol.asyncDispose]()
  keyServer.close()
  keyServer.closeAllConnections()
  place[Symbol.dispose]()
})

function publish(edges: readonly Edge[]): void {
  version += 1
  const generation = generationOf(version, { 'orders-0': policyOf({}) })
  discovery.index.publish({
    ...generation,
    authority: {
      ...generation.authority,
      edges: { edges, audiences: [edge.audience] },
      workloads: {
        'uid-orders-0': {
          identity: identity('orders'),
          namespace: 'shop',
          pod: 'orders-0',
          serviceAccount: 'orders',
          serviceAccountUid: 'sa-orders',
          audiences: [audience('orders')],
          issuerAudiences: { corp: ['shop'] },
        },
      },
      keys: { issuer, keys: [signing.publicJwk] },
      issuers: {
        issuers: [
          {
            name: 'corp',
            issuer: 'https://corp.example',
            jwksUri,
            algorithms: ['ES256'],
            subjectPrefix: 'corp:',
            foreignPrefixes: [],
            subjectClaim: 'sub',
            audiences: { shop: ['shop/orders'] },
          },
        ],
      },
      trust: { bundle: ca(), serviceAccounts },
    },
  })
}

/** Starts it, and waits until it listens and `/readyz` says this. */
async function start(status = 200): Promise<{ program: Program; url: string }> {
  const change = { issuer, controllers: discovery.url }
  const program = launch('authority', [
    ...place.flags('authority', change),
    '--allow-private-issuers',
  ])
  const urls = (): RegExpExecArray | null =>
    /"url":"([^"]+)","adminUrl":"([^"]+)"/.exec(program.stdout())
  await until('it listens', () => urls() !== null, 15_000)
  const [, url = '', adminUrl = ''] = urls() ?? []
  await until(
    `readyz is ${status}`,
    async () => (await fetch(`${adminUrl}/readyz`)).status === status,
  )
  return { program, url }
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

/** `between` runs when half of the body has left. */
function ask(url: string, form: string, between?: () => Promise<void>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request(`${url}/token`, {
      ca: ca(),
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        const body = JSON.parse(text) as Answer['body']
        const retryAfter = response.headers['retry-after']
        resolve({ status: response.statusCode ?? 0, retryAfter, body })
      })
    })
    request.write(form.slice(0, 20), () => {
      const rest = (): void => void request.end(form.slice(20))
      if (between === undefined) rest()
      else between().then(rest, reject)
    })
  })
}

const assertion = (): string => podToken('orders-0', { audience: 'tokenward:authority' })

const credentials = (): string =>
  clientCredentialsRequest({ assertion: assertion(), audience: edge.audience, scopes: [] })

function exchange(key = corpKey): string {
  const now = nowSeconds()
  const claims = { iss: 'https://corp.example', sub: 'alice', aud: 'shop', iat: now }
  return exchangeRequest({
    assertion: assertion(),
    audience: edge.audience,
    scopes: ['charges:write'],
    subjectToken: sign({ ...claims, exp: now + 300 }, key, 'at+jwt'),
    subjectTokenType: 'jwt',
  })
}

/** Starts it, lets it keep its state and ends it; no controller is left then. */
async function startAndStop(): Promise<void> {
  const { program, url } = await start()
  expect(await ask(url, credentials())).toMatchObject({ status: 200 })
  await until('the state is kept', () => existsSync(place.at('state/policy.json')))
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
  await discovery[Symbol.asyncDispose]()
}

test('a policy that changes changes what is issued at once', async () => {
  publish([edge])
  const { url } = await start()
  expect(await ask(url, credentials())).toMatchObject({ status: 200 })
  publish([])
  await until('it is refused', async () => (await ask(url, credentials())).status === 400)
  expect(await ask(url, credentials())).toMatchObject({ body: { error: 'invalid_target' } })
  publish([edge])
  await until('it is issued', async () => (await ask(url, credentials())).status === 200)
})

test('started again with no controller, it serves at once by what it kept', async () => {
  publish([edge])
  await startAndStop()
  const second = await start()
  expect(await ask(second.url, credentials())).toMatchObject({ status: 200 })
  expect(second.program.stdout()).not.toContain('connected to a controller')
})

test('what it kept is too old after an hour: it is not ready and issues nothing', async () => {
  publish([edge])
  await startAndStop()
  const kept = JSON.parse(readFileSync(place.at('state/policy.json'), 'utf8')) as object
  place.write('state/policy.json', JSON.stringify({ ...kept, ageMs: 3_600_000 }))
  const { url } = await start(503)
  const answer = await ask(url, credentials())
  expect(answer).toMatchObject({ status: 503, body: { reason: 'policy_stale' } })
  expect(Number(answer.retryAfter)).toBeGreaterThan(0)
})

test('keys of an issuer are fetched from where they are published', async () => {
  publish([edge])
  const { url } = await start()
  const answer = await ask(url, exchange())
  expect(answer).toMatchObject({ status: 200, body: { scope: 'charges:write' } })
  const stranger = await ask(url, exchange(generateSigningKey('corp-1')))
  expect(stranger).toMatchObject({ status: 400, body: { reason: 'subject_token' } })
})

test('an issuer whose keys cannot be had is a 503 that says when to come again', async () => {
  keyServer.close()
  publish([edge])
  const { url } = await start()
  const answer = await ask(url, exchange())
  expect(answer).toMatchObject({ status: 503, body: { reason: 'keys_unavailable' } })
  expect(Number(answer.retryAfter)).toBeGreaterThan(0)
  // What needs no such key goes on.
  expect(await ask(url, credentials())).toMatchObject({ status: 200 })
})

test('SIGTERM finishes the request under way, takes no new one and ends with 0', async () => {
  publish([edge])
  const { program, url } = await start()
  const answer = await ask(url, credentials(), async () => {
    program.child.kill('SIGTERM')
    await until('no new one is taken', async () => {
      const late = await ask(url, credentials()).catch(() => undefined)
      return late === undefined
    })
  })
  expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } })
  expect(await program.ended).toBe(0)
})

test('its output holds no token and no assertion', async () => {
  publish([edge])
  const { program, url } = await start()
  const form = exchange()
  const { body } = await ask(url, form)
  program.child.kill('SIGTERM')
  await once(program.child, 'close')
  const output = program.stdout() + program.stderr()
  expect(output).toContain('"audit":true')
  const sent = new URLSearchParams(form)
  const secrets = [body['access_token'], sent.get('subject_token'), sent.get('client_assertion')]
  for (const secret of secrets) {
    for (const part of String(secret).split('.')) expect(output).not.toContain(part)
  }
})
