import type { IncomingMessage } from 'node:http'
import { readBody } from '../http/body.ts'
import { Refusal } from '../refusal/refusal.ts'

/** Two tokens of 16 KiB and the rest, form-encoded. */
const maxFormBytes = 64 * 1024

/** Parameters that may come more than once (RFC 8693 2.1). */
const repeatable = new Set(['audience', 'resource'])

/** The parameters of a token request; an empty one counts as omitted (RFC 6749 3.2). */
export interface Form {
  /** The value, or undefined. */
  get(name: string): string | undefined
  all(name: string): readonly string[]
}

/** Reads a form body. Throws Refusal `invalid_request`. */
export async function readForm(request: IncomingMessage): Promise<Form> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Refusal('invalid_request', {
      hint: 'The body must be application/x-www-form-urlencoded.',
    })
  }
  const body = await readBody(request, maxFormBytes).catch((error: unknown) => {
    if (error instanceof Refusal) throw error
    throw new Refusal('invalid_request', { hint: 'The body did not arrive whole.' }, error)
  })
  return parseForm(body)
}

/** Throws Refusal `invalid_request` where a parameter is repeated that must not be (RFC 6749 3.2). */
function parseForm(body: string): Form {
  // What a lenient decoder would replace is refused: two readers could see two values.
  if (!/^(?:[\x21-\x24\x26-\x7e]|%[0-9a-fA-F]{2})*$/.test(body)) {
    throw new Refusal('invalid_request', { hint: 'The body is not form-encoded.' })
  }
  const values = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(body)) {
    const known = values.get(name)
    if (known !== undefined && !repeatable.has(name)) {
      throw new Refusal('invalid_request', { hint: 'A parameter is repeated.' })
    }
    if (known === undefined) values.set(name, value === '' ? [] : [value])
    else if (value !== '') known.push(value)
  }
  return {
    get: (name) => values.get(name)?.[0],
    all: (name) => values.get(name) ?? [],
  }
}
