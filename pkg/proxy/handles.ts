import type { Subject } from './subject.ts'

/** What a handle opens: a subject, or nobody (its request was public). */
export type Opened =
  | { readonly kind: 'subject'; readonly subject: Subject }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended' }

export interface Handles {
  /** A handle of a request that begins; undefined when no more requests can be held. */
  open(subject: Subject | undefined): string | undefined
  /** The request is over: the handle opens for `lingerMs` more. */
  end(handle: string): void
  find(handle: string): Opened
  /** Forgets what is long over; by a coarse timer. */
  sweep(): void
  readonly size: number
  readonly bytes: number
}

interface Entry {
  readonly subject: Subject | undefined
  /** 0 while the request runs. */
  endedAtMs: number
}

const entryBytes = 200
const subjectBytes = 1_000

/**
 * Handles of this pod's inbound requests. Ended ones are remembered a while longer, so that a late
 * call is told `ended` and not `unknown`; under pressure the longest ended go first, and requests
 * that run are never forgotten.
 */
export function createHandles(options: {
  readonly newHandle: () => string
  /** Any clock that never runs backwards. */
  readonly nowMs: () => number
  readonly lingerMs?: number
  readonly rememberMs?: number
  readonly maxEntries?: number
  readonly maxBytes?: number
}): Handles {
  const { newHandle, nowMs, lingerMs = 30_000, rememberMs = 300_000 } = options
  const { maxEntries = 65_536, maxBytes = 16 * 1024 * 1024 } = options
  const entries = new Map<string, Entry>()
  /** How many entries hold a subject: its token is counted once. */
  const held = new Map<Subject, number>()
  /** Ended handles in the order of their end; those before `first` are gone. */
  let ended: string[] = []
  let first = 0
  let bytes = 0

  const release = (subject: Subject | undefined): void => {
    bytes -= entryBytes
    if (subject === undefined) return
    const left = (held.get(subject) ?? 1) - 1
    if (left > 0) held.set(subject, left)
    else {
      held.delete(subject)
      bytes -= subjectBytes + subject.token.length
    }
  }

  const forgetOldest = (): boolean => {
    const handle = ended[first]
    if (handle === undefined) return false
    first += 1
    if (first > 1_024 && first * 2 > ended.length) {
      ended = ended.slice(first)
      first = 0
    }
    const entry = entries.get(handle)
    entries.delete(handle)
    release(entry?.subject)
    return true
  }

  return {
    open(subject) {
      while (entries.size >= maxEntries || bytes >= maxBytes) {
        if (!forgetOldest()) return undefined
      }
      const handle = newHandle()
      entries.set(handle, { subject, endedAtMs: 0 })
      bytes += entryBytes
      if (subject !== undefined) {
        const count = held.get(subject) ?? 0
        held.set(subject, count + 1)
        if (count === 0) bytes += subjectBytes + subject.token.length
      }
      return handle
    },
    end(handle) {
      const entry = entries.get(handle)
      if (entry === undefined || entry.endedAtMs !== 0) return
      entry.endedAtMs = Math.max(nowMs(), Number.MIN_VALUE)
      ended.push(handle)
    },
    find(handle) {
      const entry = entries.get(handle)
      if (entry === undefined) return { kind: 'unknown' }
      if (entry.endedAtMs !== 0 && nowMs() - entry.endedAtMs > lingerMs) return { kind: 'ended' }
      return entry.subject === undefined
        ? { kind: 'nobody' }
        : { kind: 'subject', subject: entry.subject }
    },
    sweep() {
      const before = nowMs() - rememberMs
      for (;;) {
        const entry = entries.get(ended[first] ?? '')
        if (entry === undefined || entry.endedAtMs > before) return
        forgetOldest()
      }
    },
    get size() {
      return entries.size
    },
    get bytes() {
      return bytes
    },
  }
}
