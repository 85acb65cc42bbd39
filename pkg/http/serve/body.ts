import { Refusal } from '../../refusal/refusal.ts'
import { ChunkDecoder } from '../http1/chunked.ts'
import type { RequestBody } from '../http1/message.ts'
import type { ServeLimits } from './limits.ts'

/** As many parts are kept apart; a body that comes a byte at a time must not cost more than it has. */
const maxParts = 64

/** Gathers the body of one request, bounded. */
export interface BodyReader {
  /** Takes what it needs; gives the position of the first byte that it did not take. Throws Refusal. */
  push(bytes: Buffer, start: number): number
  readonly done: boolean
  whole(): Buffer
}

/** Throws Refusal `body_too_large`, before a byte is read where the length is said. */
export function createBodyReader(
  framing: Exclude<RequestBody, 'none'>,
  limits: ServeLimits,
): BodyReader {
  const chunks = framing === 'chunked' ? new ChunkDecoder(limits) : undefined
  const length = framing === 'chunked' ? limits.bodyBytes : framing
  if (length > limits.bodyBytes) throw tooLarge(limits)
  let parts: Buffer[] = []
  let gathered = 0

  const keep = (part: Buffer): void => {
    gathered += part.length
    if (gathered > length) throw tooLarge(limits)
    parts.push(part)
    if (parts.length === maxParts) parts = [Buffer.concat(parts, gathered)]
  }
  return {
    push(bytes, start) {
      if (chunks === undefined) {
        const end = Math.min(bytes.length, start + length - gathered)
        if (end > start) keep(bytes.subarray(start, end))
        return end
      }
      let at = start
      while (at < bytes.length && !chunks.done) {
        at = chunks.push(bytes, at, bytes.length)
        if (chunks.to > chunks.from) keep(bytes.subarray(chunks.from, chunks.to))
      }
      return at
    },
    get done() {
      return chunks === undefined ? gathered === length : chunks.done
    },
    whole: () => (parts.length === 1 ? (parts[0] ?? empty) : Buffer.concat(parts, gathered)),
  }
}

export const empty: Buffer = Buffer.alloc(0)

function tooLarge({ bodyBytes }: ServeLimits): Refusal {
  return new Refusal('body_too_large', { hint: `It may have ${bodyBytes} bytes at most.` })
}
