import type { Socket } from 'node:net'
import type { Address } from '../../http/address.ts'
import { reset } from '../../http/reset.ts'
import { rowOf } from '../../refusal/reasons.ts'
import { Refusal } from '../../refusal/refusal.ts'
import { renderAnswer, type Answer } from '../answers.ts'
import { ChunkDecoder } from '../../http/http1/chunked.ts'
import { scanPartialHead } from '../../http/http1/partial.ts'
import type { RequestHead } from '../../http/http1/message.ts'
import type { ConnectionFacts, Verdict } from './verdict.ts'
import { readRequestHead } from '../../http/http1/request.ts'
import { isWritable, Output } from './write.ts'
import { deadlineIn, type Core } from './core.ts'
import { Exchange, type ClientSide } from './exchange.ts'
import type { Pool } from './pool.ts'

/** Bytes that may wait here (pipelined requests) before the client is not read any more. */
const waitingBytes = 64 * 1024

/** So much is looked at first, lest many small pipelined requests each copy all that waits. */
const usualHeadBytes = 4 * 1024

type Phase = 'head' | 'judged' | 'exchange' | 'lingering' | 'closed'

/** One client connection: reads heads one after the other and has each judged by itself. */
export class Downstream implements ClientSide {
  readonly output: Output
  readonly facts: ConnectionFacts
  deadlineMs: number
  #core: Core
  #socket: Socket
  #pool: Pool
  #onClosed: () => void
  #phase: Phase = 'head'
  #exchange: Exchange | null = null
  #waiting: Buffer | null = null
  /** The last request offered an upgrade. */
  #upgrade = false
  #scanned = 0
  /** The client sent its end; it may still read. */
  #ended = false

  constructor(
    core: Core,
    socket: Socket,
    options: { pool: Pool; onClosed: () => void; destination?: Address | undefined },
  ) {
    this.#core = core
    this.#socket = socket
    this.#pool = options.pool
    this.#onClosed = options.onClosed
    this.output = new Output(socket)
    this.facts = {
      remoteAddress: socket.remoteAddress ?? '',
      localPort: socket.localPort ?? 0,
      listener: core.listener,
      destination: options.destination,
    }
    this.deadlineMs = deadlineIn(core, core.limits.headMs)
    socket.on('data', (bytes: Buffer) => this.#guarded(() => this.#data(bytes)))
    socket.on('drain', () => this.#guarded(() => this.#drained()))
    socket.on('end', () => this.#guarded(() => this.#end()))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed())
  }

  /** A fault of ours ends this connection, never the process. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#core.log.error({ err: error, listener: this.#core.listener }, 'a connection failed')
      this.abort()
    }
  }

  #data(bytes: Buffer): void {
    switch (this.#phase) {
      case 'head':
        this.#keep(bytes)
        this.#readHeads()
        return
      case 'exchange':
        if (this.#exchange !== null && !this.#exchange.requestDone) {
          this.#relay(this.#exchange, bytes)
        } else this.#keep(bytes)
        break
      case 'judged':
        this.#keep(bytes)
        break
      default:
        return
    }
    this.updateReading()
  }

  #keep(bytes: Buffer): void {
    this.#waiting = this.#waiting === null ? bytes : Buffer.concat([this.#waiting, bytes])
  }

  updateReading(): void {
    const exchange = this.#exchange
    const blocked = exchange !== null && !exchange.requestDone && exchange.blocked
    const full = this.#waiting !== null && this.#waiting.length >= waitingBytes
    const stop = this.#phase !== 'lingering' && (blocked || (full && this.#phase !== 'head'))
    if (stop) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** Judges what waits, one head after the other, until one needs more bytes or is under way. */
  #readHeads(): void {
    while (this.#phase === 'head' && this.#waiting !== null) {
      if (this.#socket.writableNeedDrain) {
        this.#socket.pause()
        return
      }
      if (!this.#readHead(this.#waiting)) return
    }
    if (this.#phase === 'head') this.updateReading()
  }

  /** False when the head is not whole yet. */
  #readHead(bytes: Buffer): boolean {
    const { headBytes, fields, headMs } = this.#core.limits
    let text = bytes.toString('latin1', 0, usualHeadBytes)
    const start = text.startsWith('\r\n') ? 2 : 0
    let end = text.indexOf('\r\n\r\n', start)
    if (end === -1 && bytes.length > usualHeadBytes) {
      text = bytes.toString('latin1', 0, headBytes + 2)
      end = text.indexOf('\r\n\r\n', Math.max(start, this.#scanned - 3))
    }
    let head: RequestHead
    try {
      if (end === -1) {
        if (bytes.length >= headBytes) throw new Refusal('head_too_large')
        scanPartialHead(text, start, this.#scanned)
        if (this.#scanned === 0) this.deadlineMs = deadlineIn(this.#core, headMs)
        this.#scanned = text.length
        if (this.#ended) this.#linger()
        return false
      }
      head = readRequestHead({ bytes, text, end, fields, mode: this.#core.mode }, start)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#refuse(error)
      return false
    }
    this.#scanned = 0
    this.#waiting = end + 4 === bytes.length ? null : bytes.subarray(end + 4)
    this.#judge(head)
    return true
  }

  #judge(head: RequestHead): void {
    this.#core.stats.requests++
    this.#phase = 'judged'
    this.#upgrade = head.upgrade
    this.deadlineMs = Infinity
    let verdict: Verdict | Promise<Verdict>
    try {
      verdict = this.#core.handler(head, this.facts)
    } catch (error) {
      this.#handlerFailed(head, error)
      return
    }
    if (verdict instanceof Promise) {
      verdict.then(
        (settled) => this.#guarded(() => this.#settled(head, settled)),
        (error: unknown) => this.#guarded(() => this.#settledBadly(head, error)),
      )
    } else this.#act(head, verdict)
  }

  #settled(head: RequestHead, verdict: Verdict): void {
    if (this.#phase !== 'judged') {
      if (verdict.kind === 'forward') verdict.onEnd?.({ status: 0, complete: false })
      return
    }
    this.#act(head, verdict)
    this.#readHeads()
  }

  #settledBadly(head: RequestHead, error: unknown): void {
    if (this.#phase !== 'judged') return
    this.#handlerFailed(head, error)
    this.#readHeads()
  }

  #handlerFailed(head: RequestHead, error: unknown): void {
    const decision = this.#core.newDecision()
    const known = error instanceof Refusal
    const refusal = known ? error : new Refusal('internal', {}, error)
    if (!known)
      this.#core.log.error({ err: error, listener: this.#core.listener }, 'the handler failed')
    this.#core.onRefusal(refusal, decision, this.facts)
    this.#answerRequest(head, { refusal, decision, close: !known })
  }

  #act(head: RequestHead, verdict: Verdict): void {
    if (verdict.kind === 'answer') {
      this.#answerRequest(head, { ...verdict, close: false })
      return
    }
    if (!isWritable(verdict)) {
      verdict.onEnd?.({ status: rowOf('internal').status, complete: false, reason: 'internal' })
      this.#handlerFailed(head, new Error('a verdict has a byte that cannot be in a head'))
      return
    }
    this.#phase = 'exchange'
    const exchange = new Exchange(this.#core, this, { pool: this.#pool, head, verdict })
    this.#exchange = exchange
    if (exchange.requestDone) return
    const bytes = this.#waiting
    this.#waiting = null
    this.#relay(exchange, bytes ?? empty)
    if (this.#ended) this.#bodyEnded()
    this.updateReading()
  }

  #relay(exchange: Exchange, bytes: Buffer): void {
    let at: number
    try {
      at = exchange.requestData(bytes, 0, bytes.length)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      exchange.refuse(error)
      return
    }
    if (at < bytes.length) this.#waiting = bytes.subarray(at)
  }

  /** An answer in place of forwarding. The connection goes on only past a body that is already here. */
  #answerRequest(head: RequestHead, answer: Answer): void {
    const close = answer.close || !head.keepAlive || this.#core.draining || !this.#skipBody(head)
    this.#answer({ ...answer, close, headOnly: head.method === 'HEAD' })
  }

  #skipBody(head: RequestHead): boolean {
    if (head.body === 'none' || head.body === 0) return true
    const bytes = this.#waiting ?? empty
    let at = 0
    if (head.body === 'chunked') {
      const chunks = new ChunkDecoder(this.#core.limits)
      try {
        while (at < bytes.length && !chunks.done) at = chunks.push(bytes, at, bytes.length)
      } catch {
        return false
      }
      if (!chunks.done) return false
    } else if (bytes.length < head.body) return false
    else at = head.body
    this.#waiting = at === bytes.length ? null : bytes.subarray(at)
    return true
  }

  #refuse(refusal: Refusal): void {
    const decision = this.#core.newDecision()
    this.#core.onRefusal(refusal, decision, this.facts)
    this.#answer({ refusal, decision, close: true })
  }

  exchangeRefused(answer: Answer): void {
    this.#answer(answer)
    this.#guarded(() => this.#readHeads())
  }

  /** Writes an answer of ours and goes on to the next head, or closes. */
  #answer(answer: Answer): void {
    this.#core.stats.refusals++
    this.#exchange = null
    this.output.text(renderAnswer(answer))
    this.output.flush()
    this.#next(!answer.close)
  }

  exchangeEnded(keepAlive: boolean): void {
    this.#exchange = null
    this.#next(keepAlive)
    this.#guarded(() => this.#readHeads())
  }

  #next(keepAlive: boolean): void {
    if (this.#phase === 'closed') return
    if (!keepAlive || this.#core.draining || (this.#upgrade && this.#waiting !== null)) {
      this.#linger()
      return
    }
    this.#phase = 'head'
    this.#scanned = 0
    this.deadlineMs = deadlineIn(this.#core, this.#core.limits.idleMs)
    if (this.#ended && this.#waiting === null) this.#linger()
  }

  /** Sends our end and throws away what still comes, so that the answer is not lost to a reset. */
  #linger(): void {
    this.#phase = 'lingering'
    this.#waiting = null
    const { lingerMs, stallMs } = this.#core.limits
    this.deadlineMs = deadlineIn(this.#core, stallMs)
    this.#socket.end(() => (this.deadlineMs = deadlineIn(this.#core, lingerMs)))
    this.#socket.resume()
  }

  #drained(): void {
    if (this.#exchange !== null) this.#exchange.responseDrained()
    else this.#readHeads()
  }

  #end(): void {
    this.#ended = true
    if (this.#phase === 'head') this.#linger()
    else this.#bodyEnded()
  }

  /** Nothing more comes; a body that is still waited for never becomes whole. */
  #bodyEnded(): void {
    if (this.#exchange === null || this.#exchange.requestDone) return
    this.#exchange.refuse(new Refusal('malformed_request', { hint: 'The body ended too early.' }))
  }

  abort(): void {
    this.#exchange?.abandon()
    this.#exchange = null
    this.#phase = 'closed'
    reset(this.#socket)
  }

  /** Ends an idle connection (drain). */
  endIdle(): void {
    if (this.#phase === 'head' && this.#waiting === null) this.#linger()
  }

  /** Called by the sweep once `deadlineMs` has passed. */
  timedOut(): void {
    if (this.#exchange !== null) this.#exchange.timedOut()
    else if (this.#phase === 'head' && this.#waiting !== null)
      this.#refuse(new Refusal('request_timeout'))
    else if (this.#phase === 'head') this.#linger()
    else this.#socket.destroy()
  }

  #closed(): void {
    this.#phase = 'closed'
    this.#waiting = null
    this.#exchange?.abandon()
    this.#exchange = null
    this.#onClosed()
  }
}

const empty = Buffer.alloc(0)
