import { fieldOf, type ServedRequest } from '../http/serve/request.ts'
import { Refusal } from '../refusal/refusal.ts'

/** Parameters that may come more than once (RFC 8693 2.1). */
const repeatable = new Set(['audience', 'resource'])

/** The parameters of a token request; an empty one counts as omitted (RFC 6749 3.2). */
export interface Form {
  /** The value, or undefined. */
  get(name: string): string | undefined
  all(name: string): readonly string[]
}

/** Reads a form body. Throws Refusal `invalid_request`. */
export function readForm({ fields, body }: Pick<ServedRequest, 'fields' | 'body'>): Form {
  const type = fieldOf(fields, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Refusal('invalid_request', {
      hint: 'The body must be application/x-www-form-urlencoded.',
    })
  }
  // A byte is a character: what is not ASCII is refused either way.
  return parseForm(body.toString('latin1'))
}

/**
 * Throws Refusal `invalid_request` where a parameter is repeated that must not be (RFC 6749 3.2), and
 * where a lenient decoder would replace something: two readers could see two values.
 */
function parseForm(body: string): Form {
  if (!/^[\x21-\x7e]*$/.test(body)) throw refuseEncoding()
  const values = new Map<string, string[]>()
  for (const pair of body.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1))
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

function decode(text: string): string {
  // Tokens have neither, and are most of what comes.
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw refuseEncoding()
  }
}

function refuseEncoding(): Refusal {
  return new Refusal('invalid_request', { hint: 'The body is not form-encoded.' })
}
