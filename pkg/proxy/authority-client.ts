import { Agent, request as httpsRequest } from 'node:https'
import { rowOf } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import {
  clientCredentialsRequest,
  exchangeRequest,
  readTokenResponse,
  type IssuedToken,
} from '../token/exchange.ts'
import type { Subject } from './subject.ts'

/** What is asked of the authority: for a subject, or for the workload itself. */
export interface Wanted {
  readonly subject: Subject | undefined
  readonly audience: string
  /** In the order of the policy; none: all that the edge grants. */
  readonly scopes: readonly string[]
}

export interface AuthorityClient {
  /**
   * One token. What may pass is tried again until the deadline. Throws Refusal: `authority_unavailable`
   * (or the passing reason that the authority named), else the reason of its refusal.
   */
  ask(wanted: Wanted): Promise<IssuedToken>
  close(): void
}

const maxAnswerBytes = 64 * 1024
const firstPauseMs = 50
const retryAfterSeconds = 1

/** A client of one authority with connections that are kept; `deadlineMs` is for all attempts of one token. */
export function createAuthorityClient(options: {
  /** Issuer identifier, `https://host:port`. */
  readonly issuer: string
  /** PEM roots, asked for at each request. */
  readonly ca: () => string
  /** The service-account token (audience `tokenward:authority`), read afresh when it rotates. */
  readonly assertion: () => Promise<string>
  readonly deadlineMs?: number
  readonly random?: () => number
}): AuthorityClient {
  const { issuer, ca, assertion, deadlineMs = 2_000, random = Math.random } = options
  const endpoint = new URL(`${issuer.replace(/\/$/, '')}/token`)
  let roots = ''
  let agent = new Agent({ keepAlive: true, maxSockets: 32 })

  const agentOfToday = (): Agent => {
    const today = ca()
    if (today !== roots) {
      agent.destroy()
      agent = new Agent({ keepAlive: true, maxSockets: 32, ca: today, minVersion: 'TLSv1.2' })
      roots = today
    }
    return agent
  }

  const attempt = async (wanted: Wanted, untilMs: number): Promise<IssuedToken> => {
    const { subject, audience, scopes } = wanted
    const terms = { assertion: await assertion(), audience, scopes }
    const body =
      subject === undefined
        ? clientCredentialsRequest(terms)
        : exchangeRequest({
            ...terms,
            subjectToken: subject.token,
            subjectTokenType: subject.bearer.origin === 'issuer' ? 'jwt' : 'access_token',
          })
    const timeoutMs = Math.max(1, untilMs - performance.now())
    const { status, text } = await post(endpoint, body, { agent: agentOfToday(), timeoutMs })
    return readTokenResponse(status, text)
  }

  return {
    async ask(wanted) {
      const untilMs = performance.now() + deadlineMs
      for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
        try {
          return await attempt(wanted, untilMs)
        } catch (error) {
          if (error instanceof Refusal && !passes(error)) throw error
          const waitMs = pauseMs * (0.5 + random() / 2)
          if (performance.now() + waitMs >= untilMs) throw unavailable(error)
          await new Promise((resolve) => setTimeout(resolve, waitMs))
        }
      }
    },
    close() {
      agent.destroy()
    },
  }
}

/** What may be different a moment later. */
function passes({ reason }: Refusal): boolean {
  const { status } = rowOf(reason)
  return status >= 500 || status === 429
}

function unavailable(error: unknown): Refusal {
  const named = error instanceof Refusal && rowOf(error.reason).status === 503
  return new Refusal(
    named ? error.reason : 'authority_unavailable',
    { retryAfterSeconds },
    error instanceof Refusal ? (error.cause ?? error) : error,
  )
}

function post(
  url: URL,
  body: string,
  { agent, timeoutMs }: { readonly agent: Agent; readonly timeoutMs: number },
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      method: 'POST',
      agent,
      signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json',
      },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxAnswerBytes) {
          request.destroy(new Error('the answer of the authority is too large'))
        } else chunks.push(chunk)
      })
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString('utf8'),
        })
      })
    })
    request.end(body)
  })
}
