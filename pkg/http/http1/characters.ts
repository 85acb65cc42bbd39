/** Which bytes may stand where (RFC 9110 5.5, 5.6.2; RFC 9112 3.2), as tables indexed by code. */

export const CR = 13
export const LF = 10
export const TAB = 9
export const SPACE = 32
export const COLON = 58

const digits = '0123456789'
const lower = 'abcdefghijklmnopqrstuvwxyz'

function table(allowed: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0))
}

function oneOf(characters: string): (code: number) => boolean {
  return (code) => characters.includes(String.fromCharCode(code))
}

/** `tchar`: field names, methods, members of `Connection`. */
export const tokenCharacters = table(
  oneOf(`!#$%&'*+-.^_\`|~${digits}${lower}${lower.toUpperCase()}`),
)

/** Field values, reason phrases: tab, space, visible ASCII and obs-text; no other control byte. */
export const valueCharacters = table((code) => code === TAB || (code >= SPACE && code !== 127))

/** Request targets: visible ASCII without `#`. What a path means is `canonicalPath`'s to judge. */
export const targetCharacters = table((code) => code > SPACE && code < 127 && code !== 35)

/** Host names: no percent-encoding, no user information. */
const hostCharacters = table(oneOf(`-._~${digits}${lower}${lower.toUpperCase()}`))

const addressCharacters = table(oneOf(`:.${digits}abcdefABCDEF`))

/** All codes of `text[start, end)` are in `allowed`; an empty range is. */
export function onlyOf(
  allowed: Uint8Array,
  text: string,
  range: readonly [number, number],
): boolean {
  for (let at = range[0]; at < range[1]; at++) {
    if (allowed[text.charCodeAt(at)] !== 1) return false
  }
  return true
}

/**
 * `host[:port]` in lower case, or null. IPv6 in brackets; a port is 1 to 65535 without leading zeros;
 * an empty host or port is none.
 */
export function readAuthority(text: string): string | null {
  const bracket = text.charCodeAt(0) === 91 ? text.indexOf(']') : 0
  if (bracket === -1) return null
  const colon = text.indexOf(':', bracket)
  const hostEnd = colon === -1 ? text.length : colon
  if (bracket > 0) {
    if (hostEnd !== bracket + 1 || bracket < 3) return null
    if (!onlyOf(addressCharacters, text, [1, bracket])) return null
  } else if (hostEnd === 0 || !onlyOf(hostCharacters, text, [0, hostEnd])) return null
  if (colon !== -1 && !isPort(text, colon + 1)) return null
  return text.toLowerCase()
}

function isPort(text: string, start: number): boolean {
  const count = text.length - start
  if (count < 1 || count > 5 || text.charCodeAt(start) === 48) return false
  let port = 0
  for (let at = start; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
  }
  return port <= 65535
}
