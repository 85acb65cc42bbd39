import { connect, type Socket } from 'node:net'
import { Refusal } from '../../refusal/refusal.ts'
import { ChunkDecoder } from '../../http/http1/chunked.ts'
import type { RequestHead } from '../../http/http1/message.ts'
import { readResponseHead, type ResponseHead } from '../../http/http1/response.ts'
import { Output } from './write.ts'
import type { Core } from './core.ts'
import type { Dial } from './verdict.ts'

/** All upstream sockets read into this one buffer; what outlives the read is copied. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Takes the answer to the request that it sent, as it is read. */
export interface AnswerSink {
  readonly head: RequestHead
  connected(): void
  requestDrained(): void
  /** A head of 1xx. */
  informational(head: ResponseHead): void
  responseHead(head: ResponseHead): void
  /** Body bytes, in a buffer that is read into again. */
  responseData(bytes: Buffer, from: number, to: number): void
  responseTrailers(trailers: readonly string[]): void
  /** False when the client does not keep up; the upstream is not read until `resume`. */
  flushResponse(): boolean
  responseEnded(): void
  /** `untouched`: no byte of an answer had come. */
  upstreamFailed(refusal: Refusal, untouched?: boolean): void
  fault(error: unknown): void
}

/** One connection to an upstream; serves one exchange at a time. */
export class Upstream {
  readonly socket: Socket
  readonly output: Output
  readonly key: string
  /** Taken from the pool: it may have been closed at the other end without our knowing. */
  reused = false
  idleUntilMs = 0
  readonly openedMs: number
  connected = false
  /** The exchange does not take more for now. */
  paused = false
  #core: Core
  #exchange: AnswerSink | null = null
  #kept: Buffer | null = null
  #head: ResponseHead | null = null
  #left = 0
  #chunks: ChunkDecoder | null = null
  #done = false
  #failure: Error | undefined
  #onIdleEnd: (upstream: Upstream) => void

  /** `onIdleEnd`: it ended while no exchange had it. */
  constructor(core: Core, to: Dial, onIdleEnd: (upstream: Upstream) => void) {
    this.#core = core
    this.#onIdleEnd = onIdleEnd
    this.openedMs = core.nowMs
    this.key = `${to.host} ${to.port}`
    this.socket = connect({
      host: to.host,
      port: to.port,
      ...(to.from === undefined ? {} : { localAddress: to.from }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      onread: { buffer: readBuffer, callback: (count) => this.#guardedRead(count) },
    })
    this.output = new Output(this.socket)
    this.socket.on('connect', () => {
      this.connected = true
      this.#exchange?.connected()
    })
    this.socket.on('drain', () => this.#exchange?.requestDrained())
    this.socket.on('end', () => this.#end())
    this.socket.on('error', (error) => (this.#failure = error))
    this.socket.on('close', () => this.#closed())
  }

  /** Gives the connection to an exchange; its answer is read from here on. */
  attach(exchange: AnswerSink): void {
    this.#exchange = exchange
    this.#head = null
    this.#done = false
  }

  /** Takes it back. True when the connection is fit for another exchange. */
  detach(): boolean {
    this.#exchange = null
    const fit = this.#done && this.#kept === null && this.#head?.keepAlive === true
    return fit && this.socket.writable && !this.paused
  }

  get keepAliveSeconds(): number {
    return this.#head?.keepAliveSeconds ?? -1
  }

  /** Ends the connection at once. A request that was not sent whole must not look whole. */
  destroy(): void {
    this.#exchange = null
    this.socket.destroy()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.socket.resume()
  }

  /** Bytes arrived in `readBuffer`; false stops reading until `resume`. */
  #guardedRead(count: number): boolean {
    const exchange = this.#exchange
    if (exchange === null) {
      this.socket.destroy()
      return true
    }
    try {
      return this.#read(exchange, count)
    } catch (error) {
      if (error instanceof Refusal) exchange.upstreamFailed(invalid(error))
      else exchange.fault(error)
      return true
    }
  }

  #read(exchange: AnswerSink, count: number): boolean {
    let bytes: Buffer = readBuffer
    let end = count
    if (this.#kept !== null) {
      bytes = Buffer.concat([this.#kept, readBuffer.subarray(0, count)])
      end = bytes.length
      this.#kept = null
    }
    const at = this.#head === null ? this.#readHead(exchange, bytes, end) : 0
    if (this.#head !== null && !this.#done) this.#readBody(exchange, { bytes, start: at, end })
    const flowing = exchange.flushResponse()
    if (this.#done) exchange.responseEnded()
    else if (!flowing) this.paused = true
    return !this.paused
  }

  /** Reads heads until the final one; returns where the body starts. */
  #readHead(exchange: AnswerSink, bytes: Buffer, end: number): number {
    const { headBytes, fields } = this.#core.limits
    let at = 0
    while (at < end) {
      const rest = at === 0 ? bytes : bytes.subarray(at)
      const text = rest.toString('latin1', 0, Math.min(end - at, headBytes))
      const headEnd = text.indexOf('\r\n\r\n')
      if (headEnd === -1) {
        if (end - at >= headBytes) throw new Refusal('head_too_large')
        this.#kept = Buffer.from(bytes.subarray(at, end))
        return end
      }
      const head = readResponseHead(
        { bytes: rest, text, end: headEnd, fields },
        exchange.head.method,
      )
      at += headEnd + 4
      if (head.status >= 200) {
        this.#begin(exchange, head)
        return at
      }
      if (head.status === 101)
        throw new Refusal('upstream_invalid', { hint: 'It switched protocols unasked.' })
      exchange.informational(head)
    }
    return at
  }

  #begin(exchange: AnswerSink, head: ResponseHead): void {
    this.#head = head
    this.#left = typeof head.body === 'number' ? head.body : 0
    this.#chunks = head.body === 'chunked' ? new ChunkDecoder(this.#core.limits) : null
    this.#done = head.body === 'none' || head.body === 0
    exchange.responseHead(head)
  }

  #readBody(exchange: AnswerSink, read: { bytes: Buffer; start: number; end: number }): void {
    const { bytes, end } = read
    let at = read.start
    if (this.#chunks !== null) {
      const chunks = this.#chunks
      while (at < end && !chunks.done) {
        at = chunks.push(bytes, at, end)
        if (chunks.to > chunks.from) exchange.responseData(bytes, chunks.from, chunks.to)
      }
      if (chunks.done) {
        exchange.responseTrailers(chunks.trailers)
        this.#done = true
      }
    } else if (this.#head?.body === 'close') {
      if (end > at) exchange.responseData(bytes, at, end)
      at = end
    } else {
      const taken = Math.min(this.#left, end - at)
      if (taken > 0) exchange.responseData(bytes, at, at + taken)
      at += taken
      this.#left -= taken
      if (this.#left === 0) this.#done = true
    }
    // What follows an answer belongs to nobody: the connection is not used again.
    if (this.#done && at < end) this.#kept = Buffer.alloc(0)
  }

  /** The other side sent its end; an answer without framing ends well here. */
  #end(): void {
    const exchange = this.#exchange
    if (exchange === null) this.#onIdleEnd(this)
    if (exchange === null || this.#head?.body !== 'close' || this.#done) return
    this.#done = true
    exchange.responseTrailers([])
    exchange.flushResponse()
    exchange.responseEnded()
  }

  #closed(): void {
    const exchange = this.#exchange
    if (exchange === null) {
      this.#onIdleEnd(this)
      return
    }
    this.#exchange = null
    const begun = this.#kept !== null || this.#head !== null
    const facts = {
      hint: begun ? 'It ended in the middle of the answer.' : 'The connection ended.',
    }
    const reason = begun ? 'upstream_invalid' : 'upstream_unreachable'
    exchange.upstreamFailed(new Refusal(reason, facts, this.#failure), !begun)
  }
}

function invalid(error: Refusal): Refusal {
  const { hint } = error.facts
  return new Refusal('upstream_invalid', hint === undefined ? {} : { hint }, error)
}
