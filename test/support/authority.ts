/** The real authority behind TLS on loopback, with the policy of a world, a clock and clients of its pods. */
import https from 'node:https'
import * as oauth from 'oauth4webapi'
import { createAuthority } from '../../pkg/authority/authority.ts'
import { createPolicyState, type PolicyState } from '../../pkg/authority/policy-state.ts'
import { answerRefusal } from '../../pkg/authority/answers.ts'
import { listen } from '../../pkg/http/listen.ts'
import type { ServeHandler } from '../../pkg/http/serve/request.ts'
import { createTlsServer } from '../../pkg/http/serve/server.ts'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { compile } from '../../pkg/policy/compile.ts'
import type { World } from '../../pkg/policy/world.ts'
import type { AuthorityPolicy } from '../../pkg/policy/workload-policy.ts'
import type { JsonWebKeyRow } from '../../pkg/token/claims.ts'
import { grantTypes, jwtBearerAssertion, tokenTypes } from '../../pkg/token/exchange.ts'
import { generateSigningKey, type SigningKey } from '../../pkg/token/keys.ts'
import { signServiceAccount } from '../../pkg/token/service-account.ts'
import { sign } from '../../pkg/token/sign.ts'
import { quietLog } from './discovery.ts'
import { nowSeconds as start } from './jose.ts'
import { audience, identity, issuer, shop } from './world.ts'

const serviceAccounts = 'https://kubernetes.example'
const clusterKey = generateSigningKey()
export const corpKey = generateSigningKey('corp-1')
export const authorityKey = generateSigningKey()
const root = issueRoot()
const serving = issueServing({ root, dnsNames: [], ipAddresses: ['127.0.0.1'] })

type FormFields = Readonly<Record<string, string | readonly string[] | undefined>>

/** An answer of the token endpoint, or of any other page. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

export interface TestAuthority {
  /** Issuer identifier. */
  readonly issuer: string
  /** PEM root of its certificate. */
  readonly ca: string
  readonly clock: { nowSeconds: number; monotonicMs: number; ageMs: number }
  /** What a fetch of corp's keys brings, and how often one was asked for. */
  readonly keySource: { keys: readonly JsonWebKeyRow[]; asked: number; onFetch: () => void }
  readonly audits: Record<string, unknown>[]
  readonly logs: string[]
  readonly state: PolicyState
  /** The policy of the shop, changed. */
  apply(change?: Partial<World>): void
  sectionsOf(world: World): AuthorityPolicy
  /** Sign with this key, or with none. */
  signWith(key: SigningKey | undefined): void
  /** A projected token of the pod of this name; `change` is what is odd about it. */
  assertion(name: string, change?: Readonly<Record<string, unknown>>): string
  /** A token that corp issued to alice for the shop. */
  corpToken(change?: Readonly<Record<string, unknown>>, typ?: string): string
  /** A token of this authority: web acts for alice at orders, changed; by another key it is forged. */
  ownToken(change?: Readonly<Record<string, unknown>>, key?: SigningKey): string
  get(path: string, method?: string): Promise<Answer>
  post(form: FormFields, headers?: Record<string, string>): Promise<Answer>
  raw(body: string, headers: Record<string, string>): Promise<Answer>
  /** Client credentials of the client for this target, changed. */
  credentials(client: string, target: string, change?: FormFields): Promise<Answer>
  /** An exchange by the client of a token for this target, changed. */
  exchange(client: string, target: string, change?: FormFields): Promise<Answer>
  /** What a client that nobody here wrote needs. */
  readonly oauth: {
    readonly fetch: (
      url: string,
      request: { method: string; headers: Record<string, string>; body?: unknown },
    ) => Promise<Response>
    readonly options: oauth.HttpRequestOptions<'GET' | 'POST', URLSearchParams | undefined>
    /** RFC 7523 2.2 with the pod's token. */
    readonly authenticate: (client: string) => (...request: Parameters<oauth.ClientAuth>) => void
  }
  close(): Promise<void>
}

/** The shop, whose corp has its keys inline. */
export const corpInline = issuer('corp', {
  keys: { jwks: { keys: [corpKey.publicJwk] } },
})

/** The clock of the machine, for an authority beside parts that live by it. */
export const realClock: TestAuthority['clock'] = {
  get nowSeconds() {
    return Math.floor(Date.now() / 1000)
  },
  get monotonicMs() {
    return performance.now()
  },
  ageMs: 0,
}

/** The path of the issuer identifier may be given, as `/tenant`. Its clock stands until a test moves it. */
export async function startAuthority(
  options: { readonly path?: string; readonly clock?: TestAuthority['clock'] } = {},
): Promise<TestAuthority> {
  const audits: Record<string, unknown>[] = []
  const logs: string[] = []
  const { clock = { nowSeconds: start, monotonicMs: 0, ageMs: 0 } } = options
  const keySource: TestAuthority['keySource'] = { keys: [], asked: 0, onFetch: () => undefined }
  let signer: SigningKey | undefined = authorityKey
  let handler: ServeHandler = () => ({ status: 503, fields: [], body: '' })
  const server = createTlsServer({
    serving,
    handler: (request) => handler(request),
    refuse: answerRefusal,
    log: quietLog(logs),
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  const origin = `https://127.0.0.1:${port}`
  const issuerIdentifier = origin + (options.path ?? '')

  const state = createPolicyState({
    issuer: issuerIdentifier,
    ageMs: () => clock.ageMs,
    maxAgeMs: 3_600_000,
    withKeys: (trust) =>
      trust.jwksUri === undefined || keySource.keys.length === 0
        ? trust
        : { ...trust, jwks: { keys: keySource.keys } },
  })
  handler = createAuthority({
    issuer: issuerIdentifier,
    state,
    isReady: () => state.current() !== undefined,
    signingKeys: {
      active: (policy) => (signer && policy.isPublished(signer) ? signer : undefined),
    },
    refetch: () => {
      keySource.asked += 1
      keySource.onFetch()
      return Promise.resolve(keySource.keys.length > 0)
    },
    audit: (facts) => audits.push(JSON.parse(JSON.stringify(facts)) as Record<string, unknown>),
    log: quietLog(logs),
    nowSeconds: () => clock.nowSeconds,
    monotonicMs: () => clock.monotonicMs,
    onAnswer: () => undefined,
  })

  const sectionsOf = (world: World): AuthorityPolicy => ({
    ...compile(world).authority,
    keys: { issuer: issuerIdentifier, keys: [authorityKey.publicJwk] },
    trust: {
      bundle: root.certificate,
      serviceAccounts: { issuer: serviceAccounts, keys: [clusterKey.publicJwk] },
    },
  })
  const apply = (change: Partial<World> = {}): void => {
    state.apply(sectionsOf(shop({ issuers: [corpInline], ...change })))
  }
  apply()

  const send = (url: string, init: RequestInit & { body?: string } = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const { method = 'GET', headers, body } = init
      const request = https.request(
        url,
        { method, ca: root.certificate, headers: Object.fromEntries(new Headers(headers)) },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            const headersOf = response.headers as Record<string, string>
            resolve(new Response(text, { status: response.statusCode ?? 0, headers: headersOf }))
          })
        },
      )
      request.on('error', reject)
      request.end(body === undefined ? undefined : String(body))
    })
  const answerOf = async (response: Response): Promise<Answer> => {
    const text = await response.text()
    const body = (text === '' ? {} : JSON.parse(text)) as Answer['body']
    return { status: response.status, headers: response.headers, body }
  }

  const assertion = (name: string, change: Readonly<Record<string, unknown>> = {}): string =>
    signServiceAccount(
      {
        issuer: serviceAccounts,
        audience: 'tokenward:authority',
        namespace: 'shop',
        serviceAccount: name,
        serviceAccountUid: `sa-shop-${name}`,
        pod: `${name}-0`,
        podUid: `pod-shop-${name}-0`,
        issuedAtSeconds: clock.nowSeconds - 60,
        expiresAtSeconds: clock.nowSeconds + 3000,
        ...change,
      },
      clusterKey,
    )
  const post = async (parameters: FormFields, headers: Record<string, string> = {}) => {
    const form = Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((one) => [name, one] as [string, string]),
    )
    const body = new URLSearchParams(form).toString()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const init = { method: 'POST', headers: { ...type, ...headers }, body }
    return answerOf(await send(`${issuerIdentifier}/token`, init))
  }
  const authentication = (client: string) => ({
    client_assertion_type: jwtBearerAssertion,
    client_assertion: assertion(client),
  })

  const fetchAsClient: TestAuthority['oauth']['fetch'] = (url, { method, headers, body }) =>
    send(url, { method, headers, ...(body instanceof URLSearchParams && { body: String(body) }) })

  return {
    issuer: issuerIdentifier,
    ca: root.certificate,
    clock,
    keySource,
    audits,
    logs,
    state,
    apply,
    sectionsOf,
    assertion,
    post,
    signWith: (key) => void (signer = key),
    get: async (path: string, method = 'GET') => answerOf(await send(origin + path, { method })),
    raw: async (body: string, headers: Record<string, string>) =>
      answerOf(await send(`${issuerIdentifier}/token`, { method: 'POST', headers, body })),
    credentials: (client: string, target: string, change: FormFields = {}) =>
      post({
        grant_type: grantTypes.clientCredentials,
        ...authentication(client),
        audience: audience(target),
        ...change,
      }),
    exchange: (client: string, target: string, change: FormFields = {}) =>
      post({
        grant_type: grantTypes.tokenExchange,
        ...authentication(client),
        audience: audience(target),
        subject_token_type: tokenTypes.accessToken,
        ...change,
      }),
    corpToken: (change: Readonly<Record<string, unknown>> = {}, typ = 'at+jwt'): string =>
      sign(
        {
          iss: corpInline.spec.issuer,
          sub: 'alice',
          aud: 'shop',
          azp: 'portal-1',
          iat: clock.nowSeconds,
          exp: clock.nowSeconds + 600,
          jti: 'corp-token',
          ...change,
        },
        corpKey,
        typ,
      ),
    ownToken: (change: Readonly<Record<string, unknown>> = {}, key = authorityKey): string =>
      sign(
        {
          iss: issuerIdentifier,
          sub: 'corp:alice',
          sub_iss: 'corp',
          aud: audience('orders'),
          client_id: identity('web'),
          client_uid: 'sa-shop-web',
          iat: clock.nowSeconds,
          nbf: clock.nowSeconds,
          exp: clock.nowSeconds + 300,
          jti: 'own-token',
          scope: 'orders:create orders:read',
          act: { sub: identity('web') },
          anc: [{ id: 'corp-token', iat: start, client: 'portal-1', rule: '', grant: '' }],
          rule: 'shop/orders/web-orders',
          ...change,
        },
        key,
        'at+jwt',
      ),
    oauth: {
      options: {
        [oauth.customFetch]: fetchAsClient,
      },
      fetch: fetchAsClient,
      authenticate: (client) => (_server, _client, body) => {
        for (const [name, value] of Object.entries(authentication(client))) body.set(name, value)
      },
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The claims of a token that an answer holds. */
export function claimsOf(answer: Answer): Readonly<Record<string, unknown>> {
  const token = String(answer.body['access_token'])
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return JSON.parse(payload) as Record<string, unknown>
}
