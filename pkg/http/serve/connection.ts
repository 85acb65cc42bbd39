import type { Socket } from 'node:net'
import { Refusal } from '../../refusal/refusal.ts'
import { scanPartialHead } from '../http1/partial.ts'
import type { RequestHead } from '../http1/message.ts'
import { readRequestHead } from '../http1/request.ts'
import { renderAnswer, type Answer } from './answer.ts'
import { createBodyReader, empty, type BodyReader } from './body.ts'
import { deadlineIn, type ServeCore, type Turn } from './core.ts'

/** Bytes that may wait here (pipelined requests) before the client is not read any more. */
const waitingBytes = 64 * 1024

const headEnd = Buffer.from('\r\n\r\n')

type Phase = 'head' | 'body' | 'judged' | 'lingering' | 'closed'

/** One client connection: reads requests one after the other, and the next after the answer of the last. */
export class Connection implements Turn {
  deadlineMs: number
  #core: ServeCore
  #socket: Socket
  #phase: Phase = 'head'
  #remoteAddress: string
  #waiting: Buffer | null = null
  #scanned = 0
  #head: RequestHead | null = null
  #body: BodyReader | null = null
  #out = ''
  #close = false
  /** The client sent its end; it may still read. */
  #ended = false

  constructor(core: ServeCore, socket: Socket) {
    this.#core = core
    this.#socket = socket
    this.#remoteAddress = socket.remoteAddress ?? ''
    this.deadlineMs = deadlineIn(core, core.limits.requestMs)
    socket.on('data', (bytes: Buffer) => this.#guarded(() => this.#data(bytes)))
    socket.on('drain', () => this.#guarded(() => this.#read()))
    socket.on('end', () => this.#guarded(() => this.#end()))
    socket.on('error', () => undefined)
    socket.on('close', () => (this.#phase = 'closed'))
  }

  /** A fault of ours ends this connection, never the process. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#core.log.error({ err: error }, 'a connection failed')
      this.destroy()
    }
  }

  #data(bytes: Buffer): void {
    if (this.#phase === 'lingering' || this.#phase === 'closed') return
    if (this.#phase === 'body' && this.#body !== null) {
      this.#readBody(this.#body, bytes)
      return
    }
    this.#waiting = this.#waiting === null ? bytes : Buffer.concat([this.#waiting, bytes])
    if (this.#phase === 'head') this.#read()
    else if (this.#waiting.length >= waitingBytes) this.#socket.pause()
  }

  /** Reads the next request from what waits; one whose client does not read its answers waits. */
  #read(): void {
    if (this.#phase !== 'head') return
    if (this.#socket.writableNeedDrain) {
      this.deadlineMs = deadlineIn(this.#core, this.#core.limits.stallMs)
      this.#socket.pause()
      return
    }
    if (this.#waiting === null) {
      this.deadlineMs = deadlineIn(this.#core, this.#core.limits.idleMs)
      if (this.#ended) this.#linger()
      else this.#readOn()
      return
    }
    try {
      this.#readHead(this.#waiting)
    } catch (error) {
      this.#refuse(error)
    }
  }

  #readHead(bytes: Buffer): void {
    const { headBytes, fields, requestMs } = this.#core.limits
    const start = bytes[0] === 13 && bytes[1] === 10 ? 2 : 0
    const end = bytes.indexOf(headEnd, Math.max(start, this.#scanned - 3))
    if (end === -1 ? bytes.length >= headBytes : end > headBytes - 4) {
      throw new Refusal('head_too_large')
    }
    const text = bytes.toString('latin1', 0, end === -1 ? bytes.length : end + 4)
    if (this.#scanned === 0) this.deadlineMs = deadlineIn(this.#core, requestMs)
    if (end === -1) {
      scanPartialHead(text, start, this.#scanned)
      this.#scanned = text.length
      if (this.#ended) this.#linger()
      else this.#readOn()
      return
    }
    this.#scanned = 0
    const head = readRequestHead({ bytes, text, end, fields, mode: 'reverse' }, start)
    const rest = end + 4 === bytes.length ? null : bytes.subarray(end + 4)
    this.#head = head
    this.#waiting = null
    if (head.body === 'none' || head.body === 0) {
      this.#waiting = rest
      this.#arrived()
      return
    }
    this.#phase = 'body'
    this.#body = createBodyReader(head.body, this.#core.limits)
    if (rest === null && head.expectContinue) {
      this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
    }
    this.#readBody(this.#body, rest ?? empty)
  }

  #readBody(body: BodyReader, bytes: Buffer): void {
    try {
      const taken = body.push(bytes, 0)
      this.#waiting = taken === bytes.length ? null : bytes.subarray(taken)
      if (body.done) this.#arrived()
      else if (this.#ended) this.#end()
      else this.#readOn()
    } catch (error) {
      this.#refuse(error)
    }
  }

  /** Only for what is still missing: what waits already must not grow by a read for each answer. */
  #readOn(): void {
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  #arrived(): void {
    this.#phase = 'judged'
    this.deadlineMs = Infinity
    this.#core.enqueue(this)
  }

  judge(): void {
    const { handler } = this.#core
    const { method = '', path = '', query = '', fields = [] } = this.#head ?? {}
    const body = this.#body?.whole() ?? empty
    this.#body = null
    const remoteAddress = this.#remoteAddress
    try {
      const answer = handler({ method, path, query, fields, body, remoteAddress })
      if (!(answer instanceof Promise)) {
        this.#answer(answer, false)
        return
      }
      answer.then(
        (settled) => this.#settled(() => this.#answer(settled, false)),
        (error: unknown) => this.#settled(() => this.#failed(error)),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  #settled(answer: () => void): void {
    this.#guarded(answer)
    this.send()
  }

  /** What a handler threw. */
  #failed(error: unknown): void {
    const known = error instanceof Refusal
    if (!known) this.#core.log.error({ err: error }, 'a request failed here')
    this.#answer(this.#core.refuse(known ? error : new Refusal('internal')), !known)
  }

  /** What is wrong before a handler saw it: answered, and the connection closed. */
  #refuse(error: unknown): void {
    if (!(error instanceof Refusal)) throw error
    this.#phase = 'judged'
    this.#body = null
    this.#answer(this.#core.refuse(error), true)
    this.send()
  }

  #answer(answer: Answer, close: boolean): void {
    const head = this.#head
    const { draining, date, keepAlive } = this.#core
    // What a client sent after its offer of another protocol may be of that protocol, and is no request.
    const switched = head !== null && head.upgrade && this.#waiting !== null
    const old = head?.minor === 0
    this.#close = close || draining || head === null || !head.keepAlive || switched || old
    this.#out = renderAnswer(answer, {
      date,
      connection: this.#close ? 'Connection: close' : keepAlive,
      headOnly: head?.method === 'HEAD',
    })
  }

  send(): void {
    if (this.#out === '' || this.#phase === 'closed') return
    this.#guarded(() => this.#send())
  }

  #send(): void {
    const text = this.#out
    this.#out = ''
    this.#head = null
    this.#socket.write(text, isAscii(text) ? 'latin1' : 'utf8')
    if (this.#close) {
      this.#linger()
      return
    }
    this.#phase = 'head'
    this.#read()
  }

  #end(): void {
    this.#ended = true
    if (this.#phase === 'head') this.#linger()
    else if (this.#phase === 'body') {
      this.#refuse(new Refusal('malformed_request', { hint: 'The body ended too early.' }))
    }
  }

  /** Sends our end and throws away what still comes, so that the answer is not lost to a reset. */
  #linger(): void {
    this.#phase = 'lingering'
    this.#waiting = null
    const { lingerMs, stallMs } = this.#core.limits
    this.deadlineMs = deadlineIn(this.#core, stallMs)
    this.#socket.end(() => (this.deadlineMs = deadlineIn(this.#core, lingerMs)))
    if (this.#ended) return
    this.#socket.resume()
  }

  /** Called by the sweep once `deadlineMs` has passed. */
  timedOut(): void {
    const late = this.#phase === 'body' || (this.#phase === 'head' && this.#waiting !== null)
    if (late && !this.#socket.writableNeedDrain) this.#refuse(new Refusal('request_timeout'))
    else if (this.#phase === 'head' && !this.#socket.writableNeedDrain) this.#linger()
    else this.destroy()
  }

  /** Ends a connection that has no request (drain). */
  endIdle(): void {
    if (this.#phase === 'head' && this.#waiting === null) this.#linger()
  }

  destroy(): void {
    this.#phase = 'closed'
    this.#socket.destroy()
  }
}

/** Our answers are ASCII, nearly always: then characters are bytes, and nothing has to be encoded. */
function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}
