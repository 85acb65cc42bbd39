import type { ServerHttp2Stream } from 'node:http2'
import { Refusal } from '../refusal/refusal.ts'
import type { Log } from '../telemetry/log.ts'
import { clientOf, type Admission, type AdmitOptions } from './admit.ts'
import { createFeed, type Feed } from './feed.ts'
import type { Subscriber } from './index.ts'
import { createLineReader, maxUpstreamLineBytes } from './lines.ts'
import { isBehind } from './revision.ts'
import { readUpstream } from './shape.ts'
import type { ClientKind, Hello, Upstream } from './wire.ts'

const helloTimeoutMs = 10_000
const longestTimerMs = 2 ** 31 - 1

export interface SessionOptions extends AdmitOptions {
  readonly log: Log
  /** From 0 up to 1. */
  readonly random: () => number
  readonly onSent: (kind: ClientKind, bytes: number) => void
  readonly onAnswer: (answer: 'ack' | 'nack') => void
  /** Answers a stream that goes no further. */
  readonly refuse: (stream: ServerHttp2Stream, refusal: Refusal) => void
}

/** One stream of an admitted pod, from its hello to its end. */
export function runSession(
  stream: ServerHttp2Stream,
  admission: Admission,
  options: SessionOptions,
): void {
  const { index, log, random, nowSeconds } = options
  const finish = (): void => {
    stream.end()
    // A client that never ends its own half must not keep the stream open.
    stream.close()
  }
  let opened: { readonly feed: Feed; readonly subscriber: Subscriber } | undefined

  const open = (hello: Hello): void => {
    const client = clientOf(admission, hello.kind, options.authority)
    const seen = index.seen()
    if (seen === undefined || index.sections(client) === undefined) throw new Refusal('behind')
    if (isBehind(seen, hello.revision)) throw new Refusal('behind')
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' })
    const subscriber = index.subscribe(client, (event) => {
      if (event === 'changed') opened?.feed.changed()
      else finish()
    })
    subscriber.acknowledge(hello.hashes, hello.bypass)
    const onSent = (bytes: number): void => options.onSent(client.kind, bytes)
    opened = { subscriber, feed: createFeed({ stream, index, client, hello, onSent }) }
  }
  const take = (line: Upstream): void => {
    if (opened === undefined) {
      if (line.type !== 'hello') throw new Refusal('invalid_request')
      clearTimeout(deadline)
      open(line)
      return
    }
    if (line.type === 'hello') throw new Refusal('invalid_request')
    options.onAnswer(line.type)
    if (line.type === 'ack') {
      opened.subscriber.acknowledge(line.hashes, line.bypass)
      return
    }
    const { section, hash, reason } = line
    // One log line for each section that was sent, however often a client says so.
    if (!opened.feed.rejected(section, hash)) return
    log.warn({ pod: admission.pod, section, hash, reason }, 'a client rejects an update')
    opened.subscriber.reject(reason)
  }

  const reader = createLineReader(maxUpstreamLineBytes, (value) => take(readUpstream(value)))
  const guard = (step: () => void): void => {
    try {
      step()
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal('invalid_request', {}, error)
      options.refuse(stream, refusal)
    }
  }
  const deadline = setTimeout(
    () => options.refuse(stream, new Refusal('request_timeout')),
    helloTimeoutMs,
  )
  // Before its token ends, and not all pods of one minute at once.
  const leftMs = (admission.expiresAtSeconds - nowSeconds()) * 1000
  const lifeMs = Math.min(Math.max(leftMs * (0.9 + 0.1 * random()), 0), longestTimerMs)
  const expiry = setTimeout(finish, lifeMs)

  stream.on('data', (chunk: Buffer) => guard(() => reader.push(chunk)))
  stream.on('end', () => {
    guard(() => reader.end())
    finish()
  })
  stream.on('close', () => {
    clearTimeout(deadline)
    clearTimeout(expiry)
    opened?.feed.close()
    opened?.subscriber.close()
  })
}
