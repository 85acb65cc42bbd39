/**
 * The wire of an authority for tests of sidecars alone: it issues by the real `decideIssue`, verifies
 * and signs with the real rooms, takes the client's identity as its assertion, and can be told to fail.
 */
import { createServer } from 'node:https'
import { randomUUID } from 'node:crypto'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { decideIssue } from '../../pkg/policy/issue.ts'
import type { AuthorityPolicy } from '../../pkg/policy/workload-policy.ts'
import { rowOf } from '../../pkg/refusal/reasons.ts'
import { Refusal } from '../../pkg/refusal/refusal.ts'
import { listen } from '../../pkg/http/listen.ts'
import type { Act, Bearer } from '../../pkg/token/claims.ts'
import { generateSigningKey, type SigningKey } from '../../pkg/token/keys.ts'
import { sign } from '../../pkg/token/sign.ts'
import { createVerifier } from '../../pkg/token/verify.ts'

export type Mood = 'well' | 'away' | 'hanging' | 'behind'
type Issuing = Pick<AuthorityPolicy, 'edges' | 'workloads' | 'issuers'>

export interface AuthorityDouble {
  readonly issuer: string
  readonly ca: string
  readonly key: SigningKey
  /** Forms that arrived, in order. */
  readonly asked: URLSearchParams[]
  follow(policy: Issuing): void
  be(mood: Mood): void
  /** Requests that were cut off while it was away. */
  cut(): number
  close(): Promise<void>
}

const root = issueRoot()
const serving = issueServing({ root, dnsNames: [], ipAddresses: ['127.0.0.1'] })

export async function startAuthorityDouble(): Promise<AuthorityDouble> {
  const key = generateSigningKey()
  const asked: URLSearchParams[] = []
  let mood: Mood = 'well'
  let cut = 0
  let policy: Issuing | undefined
  let issuer = ''

  const issue = (form: URLSearchParams): object => {
    if (policy === undefined) throw new Refusal('behind')
    const client = form.get('client_assertion') ?? ''
    const workload = Object.values(policy.workloads).find(({ identity }) => identity === client)
    if (workload === undefined) throw new Refusal('client_assertion')
    const audience = form.get('audience') ?? ''
    const subjectToken = form.get('subject_token')
    const now = Math.floor(Date.now() / 1000)
    const verifier = createVerifier({
      authority: { issuer, keys: [key.publicJwk] },
      issuers: policy.issuers.issuers,
    })
    const subject = subjectToken === null ? undefined : verifier.verify(subjectToken, now)
    if (subject !== undefined) {
      const mine =
        subject.origin === 'authority'
          ? workload.audiences
          : (workload.issuerAudiences[subject.issuerName] ?? [])
      if (!subject.audiences.some((one) => mine.includes(one))) throw new Refusal('subject_token')
    }
    const grant = decideIssue({
      edges: policy.edges.edges.filter(
        (edge) => edge.client === client && edge.audience === audience,
      ),
      client,
      subject,
      asked: form.get('scope')?.split(' '),
    })
    if (grant instanceof Refusal) throw grant
    const life = Math.min(grant.lifetimeSeconds, (subject?.expiresAtSeconds ?? Infinity) - now)
    const claims = {
      iss: issuer,
      sub: subject?.subject ?? client,
      aud: audience,
      client_id: client,
      client_uid: workload.serviceAccountUid,
      iat: now,
      nbf: now,
      exp: now + life,
      jti: randomUUID(),
      scope: grant.scopes.join(' '),
      rule: `${grant.edge.policy}/${grant.edge.rule}`,
      ...claimsOf(grant.actors, subject),
    }
    return {
      access_token: sign(claims, key, 'at+jwt'),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: life,
      scope: claims.scope,
    }
  }

  const server = createServer({ cert: serving.certificate, key: serving.privateKey })
  server.on('request', (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (mood === 'hanging') return
      if (mood === 'away') {
        cut += 1
        request.socket.destroy()
        return
      }
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      asked.push(form)
      let status = 200
      let body: object
      try {
        if (mood === 'behind') throw new Refusal('behind')
        body = issue(form)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        status = rowOf(error.reason).status
        body = { error: 'invalid_request', reason: error.reason }
      }
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  issuer = `https://127.0.0.1:${port}`
  return {
    issuer,
    ca: root.certificate,
    key,
    asked,
    follow: (next) => (policy = next),
    be: (next) => (mood = next),
    cut: () => cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function claimsOf(actors: readonly string[], subject: Bearer | undefined): object {
  let act: Act | undefined
  for (const sub of actors.toReversed()) act = act === undefined ? { sub } : { sub, act }
  return {
    ...(act === undefined ? {} : { act }),
    ...(subject === undefined || subject.subjectIssuer === ''
      ? {}
      : { sub_iss: subject.subjectIssuer }),
  }
}
