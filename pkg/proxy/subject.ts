import type { Bearer } from '../token/claims.ts'

/** On whose behalf a request runs: its verified token, and what the app is told about it. */
export interface Subject {
  readonly bearer: Bearer
  /** The token itself, for exchange. */
  readonly token: string
  /** Fields for the app, flat. */
  readonly fields: readonly string[]
}

const known = new WeakMap<Bearer, Subject>()

/** The subject of a verified token. The same Bearer, which the cache of tokens keeps, gives the same. */
export function subjectOf(bearer: Bearer, token: string): Subject {
  let subject = known.get(bearer)
  if (subject === undefined) {
    // A copy: a slice would keep the whole head that it was cut from.
    const copy = Buffer.from(token, 'latin1').toString('latin1')
    subject = Object.freeze({ bearer, token: copy, fields: fieldsOf(bearer) })
    known.set(bearer, subject)
  }
  return subject
}

function fieldsOf(bearer: Bearer): readonly string[] {
  const fields = ['Tokenward-Subject', visible(bearer.subject)]
  const caller = callerOf(bearer)
  if (caller !== '') fields.push('Tokenward-Caller', visible(caller))
  if (bearer.actors.length > 0) {
    fields.push('Tokenward-Actors', bearer.actors.map(visible).join(', '))
  }
  if (bearer.scopes.length > 0) {
    fields.push('Tokenward-Scope', bearer.scopes.map(visible).join(' '))
  }
  return Object.freeze(fields)
}

/**
 * Who calls: a workload's identity, or `<TrustedIssuer>:<client>`. A foreign client that reads like a
 * workload is not named at all.
 */
export function callerOf(bearer: Bearer): string {
  if (bearer.origin === 'authority' || bearer.client === '') return bearer.client
  const caller = `${bearer.issuerName}:${bearer.client}`
  return caller.startsWith('spiffe://') ? '' : caller
}

/** Visible ASCII without comma and percent; every other byte of UTF-8 percent-encoded (RFC 3986 2.1). */
export function visible(text: string): string {
  if (/^[\x21-\x24\x26-\x2b\x2d-\x7e]*$/.test(text)) return text
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x2c
    encoded += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
