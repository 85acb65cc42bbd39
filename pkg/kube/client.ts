import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Log } from '../telemetry/log.ts'
import { readCredentials, type Access } from './credentials.ts'
import { errorOfAnswer, errorOfNetwork, KubeError, ownError } from './kube-error.ts'
import { parseText, readLines, readText } from './read-answer.ts'
import { wordsOf, type RequestWords } from './request-words.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the API server's root, `/api/v1/namespaces/shop/pods`; pathOf makes it. */
  readonly path: string
  readonly query?: Query
  /** Sent as JSON; a string as it is. */
  readonly body?: unknown
  /** Of the body; default `application/json`. */
  readonly contentType?: string
  /** Media type of the answer, JSON in any case; default `application/json`. */
  readonly accept?: string
  /** For the whole of it; default 30 s. */
  readonly timeoutMs?: number
}

export interface KubeWatch {
  readonly path: string
  readonly query: Query
  /** Each line in its turn; what it throws ends the watch. */
  readonly onLine: (value: unknown) => void
  /** The server has accepted; lines may follow. */
  readonly onOpen?: () => void
  /** Ends the watch, which rejects with the signal's reason. */
  readonly signal: AbortSignal
}

export interface KubeClient {
  /** The API server's address, for messages. */
  readonly server: string
  /** The answer's JSON. Throws KubeError. */
  request<T>(request: KubeRequest): Promise<T>
  /**
   * Resolves when the server ends the watch in order. Rejects with KubeError (of an ERROR line too), with
   * BadLineError, or with what `onLine` threw. Once open it has no deadline but the caller's `signal`.
   */
  watch(watch: KubeWatch): Promise<void>
  /** Called when the server answers again after it could not be reached. Gives what ends that. */
  onBack(listener: () => void): () => void
  /** Ends everything that is under way. */
  close(): void
}

const defaultTimeoutMs = 30_000
/** Below the 90 s for which the API server keeps an idle connection, so that none is used as it closes. */
const idleSocketMs = 60_000
/** A peer that is gone is noticed after this and ten probes of a second each, whatever is under way. */
const keepAliveProbeMs = 15_000
/** A machine that is off answers nothing; what TCP itself would send again comes at ever longer intervals. */
const connectMs = 5000

/** A client of one API server. Throws an Error where there are no credentials that can be read. */
export function openKubeClient(options: {
  /** A file; absent: what a pod is given, else kubectl's own. */
  readonly kubeconfig?: string
  readonly log: Log
}): KubeClient {
  const credentials = readCredentials(options.kubeconfig)
  const { server } = credentials
  const agent = new https.Agent({ keepAlive: true, timeout: idleSocketMs, maxFreeSockets: 4 })
  const underWay = new Set<AbortController>()
  const backListeners = new Set<() => void>()
  let isAway = false
  let closed = false

  const noteAnswer = (): void => {
    if (!isAway) return
    isAway = false
    for (const listener of backListeners) listener()
  }
  const accessFor = async (words: RequestWords): Promise<Access> => {
    try {
      return await credentials.access()
    } catch (error) {
      const why = error instanceof Error ? error.message : 'no reason given'
      throw ownError(words, 'Credentials', `the credentials cannot be read: ${why}`)
    }
  }

  /** Sends; resolves with the head of the answer. */
  const send = async (
    words: RequestWords,
    request: Omit<KubeRequest, 'timeoutMs'>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> => {
    const access = await accessFor(words)
    const { method, path, query, body, contentType = 'application/json' } = request
    const payload =
      body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const once = (isAgain: boolean): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const message = https.request(urlOf(access.server, path, query), {
          ...access.options,
          method,
          agent: access.agent ?? agent,
          headers: {
            ...(access.options.headers as Record<string, string> | undefined),
            accept: request.accept ?? 'application/json',
            'user-agent': 'tokenward',
            ...(payload === undefined
              ? {}
              : { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) }),
          },
          signal,
        })
        message.on('socket', (socket) => {
          socket.setKeepAlive(true, keepAliveProbeMs)
          if (!socket.connecting) return
          const why = `no connection to ${server} within ${connectMs / 1000} s`
          const late = (): unknown => message.destroy(ownError(words, 'Timeout', why))
          const timer = setTimeout(late, connectMs)
          for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer))
        })
        let isSettled = false
        message.on('error', (error) => {
          // Once there is a head, the answer's own stream tells of errors.
          if (isSettled) return
          isSettled = true
          const code = 'code' in error ? error.code : ''
          // The server closed the kept connection just as it was used; reading again harms nobody.
          const isStale = message.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
          if (isStale && method === 'GET' && !isAgain) {
            resolve(once(true))
            return
          }
          isAway = true
          reject(errorOfNetwork(words, server, error))
        })
        message.on('response', (response) => {
          isSettled = true
          noteAnswer()
          if (response.statusCode === 401) credentials.forget()
          resolve(response)
        })
        message.end(payload)
      })
    const response = await once(false)
    if (isSuccess(response)) return response
    const retryAfter = response.headers['retry-after']
    throw errorOfAnswer(words, {
      status: response.statusCode ?? 0,
      body: parseText(await readText(response)),
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(access.certificateEnds === undefined ? {} : { certificateEnds: access.certificateEnds }),
    })
  }

  /** Runs with a signal that ends it when the client closes; rejects with what ended it. */
  const run = async <T>(work: (stop: AbortController) => Promise<T>): Promise<T> => {
    const stop = new AbortController()
    if (closed) throw closedError()
    underWay.add(stop)
    try {
      return await work(stop)
    } catch (error) {
      throw stop.signal.aborted ? (stop.signal.reason as Error) : error
    } finally {
      underWay.delete(stop)
    }
  }
  const endAfter = (stop: AbortController, words: RequestWords, ms: number): NodeJS.Timeout =>
    setTimeout(() => {
      stop.abort(ownError(words, 'Timeout', `no whole answer from ${server} within ${ms / 1000} s`))
    }, ms)

  return {
    server,

    request<T>({ timeoutMs = defaultTimeoutMs, ...request }: KubeRequest) {
      const words = wordsOf(request.method, request.path)
      return run(async (stop) => {
        const timer = endAfter(stop, words, timeoutMs)
        try {
          const response = await send(words, request, stop.signal)
          const value = parseText(await readText(response))
          if (value === undefined) throw ownError(words, 'BadAnswer', 'the answer is not JSON')
          return value as T
        } catch (error) {
          throw errorOfNetwork(words, server, error)
        } finally {
          clearTimeout(timer)
        }
      })
    },

    watch({ path, query, onLine, onOpen, signal }) {
      const words = wordsOf('GET', path, true)
      return run(async (stop) => {
        const timer = endAfter(stop, words, defaultTimeoutMs)
        const end = (): void => stop.abort(signal.reason)
        signal.addEventListener('abort', end)
        if (signal.aborted) end()
        try {
          const request = { method: 'GET', path, query: { ...query, watch: true } } as const
          const response = await send(words, request, stop.signal)
          clearTimeout(timer)
          onOpen?.()
          const take = (line: unknown): void => {
            if (isErrorLine(line)) throw errorOfAnswer(words, { status: 200, body: line.object })
            onLine(line)
          }
          await readLines(response, take, (error) => errorOfNetwork(words, server, error))
        } finally {
          clearTimeout(timer)
          signal.removeEventListener('abort', end)
        }
      })
    },

    onBack(listener) {
      backListeners.add(listener)
      return () => backListeners.delete(listener)
    },

    close() {
      closed = true
      for (const stop of underWay) stop.abort(closedError())
      agent.destroy()
    },
  }
}

function closedError(): KubeError {
  return new KubeError({ status: 0, reason: 'Closed', message: 'the client is closed' })
}

function urlOf(server: URL, path: string, query: Query = {}): URL {
  const url = new URL(server)
  url.pathname = server.pathname.replace(/\/$/, '') + path
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300
}

function isErrorLine(line: unknown): line is { type: 'ERROR'; object: unknown } {
  return typeof line === 'object' && line !== null && 'type' in line && line.type === 'ERROR'
}
