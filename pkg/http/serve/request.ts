import type { Answer } from './answer.ts'

/** A request that has arrived whole. */
export interface ServedRequest {
  readonly method: string
  /** As received, percent-encoding untouched, no query. */
  readonly path: string
  /** `''` or `?…` */
  readonly query: string
  /** End-to-end fields, flat: name, value, … */
  readonly fields: readonly string[]
  readonly body: Buffer
  readonly remoteAddress: string
}

/** Answers one request, at once or later. A thrown Refusal becomes its answer; anything else is a 500. */
export type ServeHandler = (request: ServedRequest) => Answer | Promise<Answer>

/** The value of a field; several of one name as one list (RFC 9110 5.3). `name` in lower case. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const known = fields[at] ?? ''
    if (known.length !== name.length || known.toLowerCase() !== name) continue
    const one = fields[at + 1] ?? ''
    value = value === undefined ? one : `${value}, ${one}`
  }
  return value
}
