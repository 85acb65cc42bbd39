/**
 * What one `Authorization` value is. `several`: more than one credential, or one that can be read as
 * more than one. `malformed`: a Bearer that has no form of RFC 6750 2.1. `other`: another scheme.
 */
export type Credential =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'several' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'other' }

const several: Credential = { kind: 'several' }
const malformed: Credential = { kind: 'malformed' }
const other: Credential = { kind: 'other' }

/** Reads an `Authorization` value (RFC 9110 11.4; the scheme in any letter case). */
export function readCredential(value: string): Credential {
  if (value.length < 6 || value.slice(0, 6).toLowerCase() !== 'bearer') {
    return /[\s,]bearer(?:\s|$)/i.test(value) ? several : other
  }
  if (value.length === 6) return malformed
  if (value.charCodeAt(6) !== 0x20) return isTokenCode(value.charCodeAt(6)) ? other : malformed
  let start = 7
  while (value.charCodeAt(start) === 0x20) start += 1
  if (start >= value.length) return malformed
  // Whatever else has no place in a token is the verifier's to refuse.
  if (value.includes(',', start)) return several
  if (value.includes(' ', start) || value.includes('\t', start)) return malformed
  return { kind: 'bearer', token: value.slice(start) }
}

/** Everything in a value of any form that could be a token: what must not leave may not hide. */
export function tokensWithin(value: string): string[] {
  return value.split(/[^A-Za-z0-9._~+/=-]+/).filter((part) => part.split('.').length >= 3)
}

function isTokenCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x5f
  )
}
