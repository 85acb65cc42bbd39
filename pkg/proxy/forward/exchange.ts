import { rowOf, type Reason } from '../../refusal/reasons.ts'
import { Refusal } from '../../refusal/refusal.ts'
import type { Answer } from '../answers.ts'
import { ChunkDecoder } from '../../http/http1/chunked.ts'
import type { RequestHead } from '../../http/http1/message.ts'
import type { ConnectionFacts, ForwardVerdict } from './verdict.ts'
import type { ResponseHead } from '../../http/http1/response.ts'
import {
  isLast,
  writeLastChunk,
  writeRequestHead,
  writeResponseHead,
  type Framing,
  type Output,
} from './write.ts'
import { deadlineIn, type Core } from './core.ts'
import type { Pool } from './pool.ts'
import type { AnswerSink, Upstream } from './upstream.ts'

/** RFC 9110 9.2.2: may be sent again when a kept-alive connection turns out to be dead. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** The connection that a request came by. */
export interface ClientSide {
  readonly output: Output
  readonly facts: ConnectionFacts
  /** When to give up what is waited for; Infinity when nothing is. */
  deadlineMs: number
  /** Reads the client or not, by who can take what it sends. */
  updateReading(): void
  exchangeEnded(keepAlive: boolean): void
  /** The exchange ends with an answer of ours. */
  exchangeRefused(answer: Answer): void
  /** Breaks the connection: what was sent so far must not look whole. */
  abort(): void
}

/** One forwarded request: its body to the upstream, the answer to the client. */
export class Exchange implements AnswerSink {
  readonly head: RequestHead
  /** The whole request has been read from the client and handed to the upstream. */
  requestDone: boolean
  /** The upstream does not take more of the body for now. */
  blocked = false
  /** The head of the final answer has been handed to the client. */
  answered = false
  #core: Core
  #pool: Pool
  #down: ClientSide
  #verdict: ForwardVerdict
  #up: Upstream
  #left: number
  #chunks: ChunkDecoder | null
  #framing: Framing = 'none'
  #status = 0
  #keepAlive = false
  #over = false

  constructor(
    core: Core,
    down: ClientSide,
    request: { pool: Pool; head: RequestHead; verdict: ForwardVerdict },
  ) {
    const { pool, head, verdict } = request
    this.#core = core
    this.#pool = pool
    this.#down = down
    this.head = head
    this.#verdict = verdict
    this.#left = typeof head.body === 'number' ? head.body : 0
    this.#chunks = head.body === 'chunked' ? new ChunkDecoder(core.limits) : null
    this.requestDone = head.body === 'none' || head.body === 0
    this.#up = pool.take(core, verdict.to)
    this.#send()
  }

  #send(): void {
    this.#up.attach(this)
    this.#up.output.text(writeRequestHead(this.head, this.#verdict))
    if (this.requestDone) this.#up.output.flush()
    this.#wait()
  }

  /** Sets the deadline by what is waited for now. */
  #wait(): void {
    const { connectMs, responseMs, stallMs } = this.#core.limits
    const ms = !this.#up.connected ? connectMs : this.requestDone ? responseMs : stallMs
    this.#down.deadlineMs = deadlineIn(this.#core, ms)
  }

  /**
   * Body bytes from the client. Returns the position of the first byte after the body.
   * Throws a Refusal when they cannot be read in one way.
   */
  requestData(bytes: Buffer, start: number, end: number): number {
    const { output } = this.#up
    let at = start
    if (this.#chunks === null) {
      const to = Math.min(end, start + this.#left)
      this.#left -= to - start
      if (to > start) output.bytes(bytes, { from: start, to }, false)
      this.requestDone = this.#left === 0
      at = to
    } else {
      at = this.#chunkedData(this.#chunks, { bytes, start, end })
    }
    this.blocked = !output.flush()
    if (!this.answered) this.#wait()
    return at
  }

  #chunkedData(chunks: ChunkDecoder, read: { bytes: Buffer; start: number; end: number }): number {
    const { output } = this.#up
    let at = read.start
    while (at < read.end && !chunks.done) {
      at = chunks.push(read.bytes, at, read.end)
      const { from, to } = chunks
      if (to === from) continue
      output.text(`${(to - from).toString(16)}\r\n`)
      output.bytes(read.bytes, { from, to }, false)
      output.text('\r\n')
    }
    if (chunks.done) {
      output.text(writeLastChunk(this.#ownTrailers(chunks.trailers)))
      this.requestDone = true
    }
    return at
  }

  #ownTrailers(trailers: readonly string[]): readonly string[] {
    const { dropTrailer } = this.#verdict
    return trailers.filter((_, at) => {
      const name = (trailers[at - (at % 2)] ?? '').toLowerCase()
      return dropTrailer?.(name) !== true && !this.head.listed.includes(name)
    })
  }

  connected(): void {
    if (!this.answered) this.#wait()
  }

  requestDrained(): void {
    if (!this.blocked) return
    this.blocked = false
    if (!this.answered) this.#wait()
    this.#down.updateReading()
  }

  informational(head: ResponseHead): void {
    if (this.head.minor === 0) return
    this.#down.output.text(writeResponseHead(head, 'none', ''))
  }

  responseHead(head: ResponseHead): void {
    const { minor } = this.head
    this.answered = true
    this.#status = head.status
    const unframed = head.body === 'close' || head.body === 'chunked'
    this.#framing = !unframed ? 'length' : minor === 1 ? 'chunked' : 'close'
    this.#keepAlive =
      this.head.keepAlive && this.requestDone && this.#framing !== 'close' && !this.#core.draining
    const connection = !this.#keepAlive ? 'close' : minor === 0 ? 'keep-alive' : ''
    this.#down.output.text(writeResponseHead(head, this.#framing, connection))
    this.#down.deadlineMs = Infinity
  }

  /** Body bytes of the answer, in a buffer that is read into again. */
  responseData(bytes: Buffer, from: number, to: number): void {
    const { output } = this.#down
    if (this.#framing === 'chunked') {
      output.text(`${(to - from).toString(16)}\r\n`)
      output.bytes(bytes, { from, to }, true)
      output.text('\r\n')
    } else output.bytes(bytes, { from, to }, true)
  }

  responseTrailers(trailers: readonly string[]): void {
    if (this.#framing === 'chunked') this.#down.output.text(writeLastChunk(trailers))
  }

  /** False when the client does not keep up; the upstream is not read until it does. */
  flushResponse(): boolean {
    if (this.#over) return true
    const flowing = this.#down.output.flush()
    if (this.answered) {
      this.#down.deadlineMs = flowing ? Infinity : deadlineIn(this.#core, this.#core.limits.stallMs)
    }
    return flowing
  }

  responseDrained(): void {
    if (this.answered) this.#down.deadlineMs = Infinity
    this.#up.resume()
  }

  /** The whole answer has been handed on. */
  responseEnded(): void {
    if (this.#over) return
    const up = this.#up
    const seconds = up.keepAliveSeconds
    if (up.detach() && this.requestDone && !isLast(this.head)) {
      const { poolIdleMs } = this.#core.limits
      this.#pool.give(this.#core, up, seconds === -1 ? poolIdleMs : seconds * 1000 - 1000)
    } else up.destroy()
    this.#finish(this.requestDone)
    this.#down.exchangeEnded(this.#keepAlive)
  }

  /** `untouched`: no byte of an answer had come. */
  upstreamFailed(refusal: Refusal, untouched = false): void {
    if (this.#over) return
    const up = this.#up
    up.destroy()
    if (untouched && up.reused && this.head.body === 'none' && idempotent.has(this.head.method)) {
      this.#core.stats.upstreamRetries++
      this.#up = this.#pool.fresh(this.#core, this.#verdict.to)
      this.#send()
      return
    }
    this.refuse(refusal)
  }

  /** Ends the exchange with an answer of ours, or by breaking the connection once an answer has begun. */
  refuse(refusal: Refusal): void {
    if (this.#over) return
    this.#up.destroy()
    const { answered } = this
    if (!answered) {
      this.#status = rowOf(refusal.reason).status
      this.#core.onRefusal(refusal, this.#verdict.decision, this.#down.facts)
    }
    this.#finish(false, refusal.reason)
    if (answered) this.#down.abort()
    else {
      const { decision } = this.#verdict
      const close = !this.requestDone || !this.head.keepAlive || refusal.reason === 'internal'
      this.#down.exchangeRefused({
        refusal,
        decision,
        close,
        headOnly: this.head.method === 'HEAD',
      })
    }
  }

  timedOut(): void {
    if (this.answered) {
      this.refuse(new Refusal('upstream_timeout'))
    } else if (!this.#up.connected) {
      this.refuse(
        new Refusal('upstream_unreachable', { hint: 'It did not accept a connection in time.' }),
      )
    } else if (!this.requestDone && !this.blocked) this.refuse(new Refusal('request_timeout'))
    else this.refuse(new Refusal('upstream_timeout'))
  }

  fault(error: unknown): void {
    this.#core.log.error({ err: error, listener: this.#core.listener }, 'an exchange failed')
    this.refuse(new Refusal('internal'))
  }

  /** The client is gone. */
  abandon(): void {
    if (this.#over) return
    this.#up.destroy()
    this.#finish(false)
  }

  #finish(complete: boolean, reason?: Reason): void {
    this.#over = true
    const { onEnd } = this.#verdict
    if (onEnd === undefined) return
    const status = this.#status
    try {
      onEnd(reason === undefined ? { status, complete } : { status, complete, reason })
    } catch (error) {
      this.#core.log.error({ err: error, listener: this.#core.listener }, 'an end handler failed')
    }
  }
}
