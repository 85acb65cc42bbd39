import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { readBody } from '../http/body.ts'
import type { Log } from '../telemetry/log.ts'
import { mapOf } from './json.ts'
import {
  readReview,
  shortOf,
  writeReview,
  type AdmissionRequest,
  type Outcome,
  type Verdict,
} from './review.ts'

/** The largest object that an API server takes (3 MiB), and what is around it. */
const maxBytes = 4 * 1024 * 1024
/** Anybody in the cluster may send us something: of what is larger, so many are read at once. */
const smallBytes = 256 * 1024
const maxLarge = 4
/** Each costs memory; a pod of 1 MiB has less than a tenth of that. */
const maxMembers = 250_000
/** Below the configuration's `timeoutSeconds`: the answer is then ours, with its reason. */
const deadlineMs = 4000

export type Judge = (request: AdmissionRequest) => Verdict | Promise<Verdict>

/**
 * Answers the API server's questions: POST of an AdmissionReview to the path of a judge. Whatever goes
 * wrong on our side is an answer with HTTP 200 that allows nothing. Nothing is changed but the answer, so
 * a dry run is as any other.
 */
export function createHandler(options: {
  readonly judges: Readonly<Record<string, Judge>>
  readonly log: Log
  readonly onAnswer: (path: string, outcome: Outcome, seconds: number) => void
  readonly deadlineMs?: number
}): RequestListener {
  const { judges, log, onAnswer } = options
  let large = 0

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url?.split('?', 1)[0] ?? ''
    const judge = Object.hasOwn(judges, path) ? judges[path] : undefined
    if (judge === undefined) return reject(response, 404, 'there is nothing here')
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      return reject(response, 405, 'an AdmissionReview is sent by POST')
    }
    const [type = ''] = (request.headers['content-type'] ?? '').split(';')
    if (type.trim().toLowerCase() !== 'application/json') {
      return reject(response, 415, 'an AdmissionReview is application/json')
    }
    const startedMs = performance.now()
    const isLarge = !(Number(request.headers['content-length']) <= smallBytes)
    if (isLarge && large >= maxLarge) return reject(response, 503, 'too many large reviews at once')
    let body: string
    large += isLarge ? 1 : 0
    try {
      body = await readBody(request, isLarge ? maxBytes : smallBytes)
    } catch {
      return reject(response, 413, `an AdmissionReview has ${maxBytes} bytes at most`)
    } finally {
      large -= isLarge ? 1 : 0
    }
    const review = hasTooMany(body) ? undefined : readReview(body)
    if (review === undefined) {
      return reject(response, 400, 'the body is no AdmissionReview of admission.k8s.io/v1')
    }
    const verdict = await withinDeadline(review, judge, options.deadlineMs ?? deadlineMs)
    tell(path, review, verdict)
    onAnswer(path, verdict, (performance.now() - startedMs) / 1000)
    send(response, 200, 'application/json', writeReview(review.uid, verdict))
  }

  const withinDeadline = async (
    review: AdmissionRequest,
    judge: Judge,
    ms: number,
  ): Promise<Verdict> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Verdict>((resolve) => {
      timer = setTimeout(() => {
        const message = `the Tokenward webhook found no answer within ${ms} ms; try again`
        resolve({ allowed: false, outcome: 'failed', reason: 'deadline', code: 504, message })
      }, ms)
    })
    try {
      return await Promise.race([Promise.resolve(review).then(judge), late])
    } catch (err) {
      log.error(
        { err, resource: review.resource, namespace: review.namespace },
        'a mistake of ours',
      )
      const message = 'the Tokenward webhook failed; its log says why'
      return { allowed: false, outcome: 'failed', reason: 'bug', code: 500, message }
    } finally {
      clearTimeout(timer)
    }
  }

  const tell = (path: string, review: AdmissionRequest, verdict: Verdict): void => {
    const { resource, namespace, operation } = review
    const { outcome, reason } = verdict
    const { generateName } = mapOf(review.object['metadata'])
    const name = review.name || shortOf(generateName)
    const facts = { path, resource, namespace, name, operation, outcome, reason }
    if (verdict.allowed) log.debug(facts, 'allowed')
    else log.info({ ...facts, message: verdict.message }, 'refused')
  }

  return (request, response) => {
    answer(request, response).catch((err: unknown) => {
      log.error({ err }, 'a mistake of ours')
      if (!response.headersSent) reject(response, 500, 'the Tokenward webhook failed')
    })
  }
}

/** Whether JSON may have more members than any object that we are asked about; commas in texts count too. */
function hasTooMany(text: string): boolean {
  let members = 0
  for (let at = 0; at < text.length && members <= maxMembers; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x2c || code === 0x5b || code === 0x7b) members += 1
  }
  return members > maxMembers
}

/** What is no question of an API server. */
function reject(response: ServerResponse, status: number, text: string): void {
  // The rest of a body that nobody reads would be taken for another request.
  response.setHeader('connection', 'close')
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`)
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
