import type { Subject } from './subject.ts'

/** What a handle opens: a subject, or nobody (its request was public). */
export type Opened =
  | { readonly kind: 'subject'; readonly subject: Subject }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended' }

/** A handle of a request that runs. */
export interface Handle {
  readonly text: string
  readonly slot: number
}

export interface Handles {
  /** A handle of a request that begins; undefined when no more requests can be held. */
  open(subject: Subject | undefined): Handle | undefined
  /** The request is over, said once: its handle opens for `lingerMs` more. */
  end(handle: Handle): void
  find(handle: string): Opened
  /** Lets go of the subjects of requests that are over; by a coarse timer. */
  sweep(): void
  /** Requests that run. */
  readonly running: number
  /** What their subjects cost; a token is counted once. */
  readonly bytes: number
}

/** A subject, and how many handles open it. */
interface Held {
  readonly subject: Subject
  count: number
}

const randomBytes = 16
const firstSlots = 1_024
const subjectBytes = 1_000
/** In place of the time of its end: the request runs; no request yet; the end was long ago. */
const running = -1
const unused = -2
const longAgo = -Infinity

/**
 * Handles of this pod's inbound requests: 128 random bits, and the number of the slot where they are
 * found. Slots are reused in turn, so that nothing is allocated per request and one that ended lately is
 * still told from one that never was. Under pressure what ended longest ago goes first; a request that
 * runs is never forgotten.
 */
export function createHandles(options: {
  /** Fills a buffer of 16 bytes. */
  readonly fill: (target: Buffer) => void
  /** Any clock that never runs backwards, from 0 on. */
  readonly nowMs: () => number
  readonly lingerMs?: number
  readonly maxEntries?: number
  readonly maxBytes?: number
}): Handles {
  const { fill, nowMs, lingerMs = 30_000 } = options
  const { maxEntries = 65_536, maxBytes = 16 * 1024 * 1024 } = options
  let slots = Math.min(firstSlots, maxEntries)
  let randoms = Buffer.alloc(slots * randomBytes)
  let ended = new Float64Array(slots).fill(unused)
  const opens: (Held | undefined)[] = new Array<undefined>(slots).fill(undefined)
  const holding = new Map<Subject, Held>()
  const fresh = Buffer.alloc(randomBytes)
  let next = 0
  let count = 0
  let bytes = 0

  const grow = (): void => {
    const before = slots
    slots = Math.min(slots * 2, maxEntries)
    const moreRandoms = Buffer.alloc(slots * randomBytes)
    randoms.copy(moreRandoms)
    randoms = moreRandoms
    const moreEnded = new Float64Array(slots).fill(unused)
    moreEnded.set(ended)
    ended = moreEnded
    for (let slot = before; slot < slots; slot += 1) opens.push(undefined)
    next = before
  }

  /** The slot to use next, which holds nothing that still runs. */
  const advance = (): number | undefined => {
    for (let tried = 0; tried <= slots; tried += 1) {
      if (next === slots) next = 0
      const at = ended[next] ?? unused
      const reusable = at !== running
      const lingers = at >= 0 && nowMs() - at <= lingerMs
      // The ring is too short: what ended lately would go, or most of it is requests that run.
      if ((lingers || count * 2 > slots) && slots < maxEntries) {
        grow()
        return next++
      }
      if (reusable) return next++
      next += 1
    }
    return undefined
  }

  const release = (slot: number): void => {
    const held = opens[slot]
    opens[slot] = undefined
    if (held === undefined || --held.count > 0) return
    holding.delete(held.subject)
    bytes -= subjectBytes + held.subject.token.length
  }

  const hold = (subject: Subject): Held => {
    let held = holding.get(subject)
    if (held === undefined) {
      held = { subject, count: 0 }
      holding.set(subject, held)
      bytes += subjectBytes + subject.token.length
    }
    held.count += 1
    return held
  }

  /** Lets go of subjects of ended requests, about the oldest first, until there is some room. */
  const reclaim = (): void => {
    for (let tried = 0; tried < slots && bytes > maxBytes * 0.9; tried += 1) {
      const slot = (next + tried) % slots
      if (opens[slot] === undefined || ended[slot] === running) continue
      release(slot)
      ended[slot] = longAgo
    }
  }

  /** The slot of a handle, or -1. */
  const slotOf = (handle: string): number => {
    const dot = handle.indexOf('.')
    if (dot < 1 || dot > 6 || handle.length !== dot + 23) return -1
    const slot = Number.parseInt(handle.slice(0, dot), 36)
    if (!(slot < slots) || (ended[slot] ?? unused) === unused) return -1
    return handleOf(slot, randoms, slot * randomBytes) === handle ? slot : -1
  }

  const lapsed = (slot: number): boolean => {
    const at = ended[slot] ?? unused
    return at !== running && nowMs() - at > lingerMs
  }

  return {
    open(subject) {
      if (bytes >= maxBytes) reclaim()
      const slot = bytes < maxBytes ? advance() : undefined
      if (slot === undefined) return undefined
      release(slot)
      fill(fresh)
      const at = slot * randomBytes
      fresh.copy(randoms, at)
      ended[slot] = running
      count += 1
      if (subject !== undefined) opens[slot] = hold(subject)
      return { text: handleOf(slot, fresh, 0), slot }
    },
    end({ slot }) {
      count -= 1
      ended[slot] = nowMs()
    },
    find(handle) {
      const slot = slotOf(handle)
      if (slot < 0) return { kind: 'unknown' }
      if (lapsed(slot)) return { kind: 'ended' }
      const held = opens[slot]
      return held === undefined ? { kind: 'nobody' } : { kind: 'subject', subject: held.subject }
    },
    sweep() {
      for (let slot = 0; slot < slots; slot += 1) {
        if (opens[slot] !== undefined && lapsed(slot)) release(slot)
      }
    },
    get running() {
      return count
    },
    get bytes() {
      return bytes
    },
  }
}

function handleOf(slot: number, randoms: Buffer, at: number): string {
  return `${slot.toString(36)}.${randoms.toString('base64url', at, at + randomBytes)}`
}
