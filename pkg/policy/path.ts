/**
 * One reading of a request path, or none (data-plane.md, "Parsing"). What is judged is what is
 * forwarded: the canonical path goes upstream.
 */
import type { Template } from './workload-policy.ts'

const refused = 0
const plain = 1
const slash = 2
const dot = 3
const percent = 4

/** By character code. `;` and `\` and whatever RFC 3986 3.3 has in no segment stay refused. */
const kinds = new Uint8Array(128)
for (const character of "-_~!$&'()*+,=:@") kinds[character.charCodeAt(0)] = plain
for (let code = 0; code < 128; code++) {
  if (/[A-Za-z0-9]/.test(String.fromCharCode(code))) kinds[code] = plain
}
kinds['/'.charCodeAt(0)] = slash
kinds['.'.charCodeAt(0)] = dot
kinds['%'.charCodeAt(0)] = percent

const slashCode = 47
const dotCode = 46
const percentCode = 37

/** `/`, `\`, `;`: encoded, they split or cut segments in some readers and not in others. */
const dividers: ReadonlySet<number> = new Set([0x2f, 0x5c, 0x3b])

/**
 * The canonical form of a path without its query: unreserved characters decoded, hex in upper case;
 * null where two readers could see two paths. A path of plain characters comes back as it is.
 */
export function canonicalPath(rawPath: string): string | null {
  if (rawPath.charCodeAt(0) !== slashCode) return null
  for (let i = 1; i < rawPath.length; i++) {
    const code = rawPath.charCodeAt(i)
    const kind = code < 128 ? kinds[code] : refused
    if (kind === plain) continue
    if (kind === percent) return decodedPath(rawPath)
    if (kind === refused || splitsBadly(rawPath, i, kind)) return null
  }
  return rawPath
}

/** An empty segment before a slash, or a segment that is `.` or `..`. */
function splitsBadly(path: string, i: number, kind: number | undefined): boolean {
  if (path.charCodeAt(i - 1) !== slashCode) return false
  if (kind === slash) return true
  const end = path.charCodeAt(i + 1) === dotCode ? i + 2 : i + 1
  return end >= path.length || path.charCodeAt(end) === slashCode
}

function decodedPath(rawPath: string): string | null {
  const path = decodeUnreserved(rawPath)
  if (path === null) return null
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i)
    const kind = code < 128 ? kinds[code] : refused
    if (kind === refused) return null
    if ((kind === slash || kind === dot) && splitsBadly(path, i, kind)) return null
  }
  let once: string
  try {
    once = decodeURIComponent(path)
  } catch {
    return null // not UTF-8
  }
  return /%[0-9A-Fa-f]{2}/.test(once) ? null : path // a second decoding would change it
}

function decodeUnreserved(rawPath: string): string | null {
  let path = ''
  for (let i = 0; i < rawPath.length; i++) {
    const code = rawPath.charCodeAt(i)
    if (code !== percentCode) {
      path += rawPath[i]
      continue
    }
    const hex = rawPath.slice(i + 1, i + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return null
    const byte = Number.parseInt(hex, 16)
    if (byte < 0x20 || byte === 0x7f || dividers.has(byte)) return null
    const character = String.fromCharCode(byte)
    path += /[A-Za-z0-9._~-]/.test(character) ? character : '%' + hex.toUpperCase()
    i += 2
  }
  return path
}

/** A template, or why the text is none. */
export type ParsedTemplate =
  | { readonly text: string; readonly segments: Template; readonly problem?: undefined }
  | { readonly problem: string }

/**
 * `{name}` is one segment that is not empty; `**` is the rest and comes last: zero or more segments
 * after its slash, so `/a/**` covers `/a/` and `/a/b`, not `/a`. Literals must be canonical, as they
 * are compared byte for byte; a `*` anywhere else would look like a pattern and be none.
 */
export function parseTemplate(text: string): ParsedTemplate {
  if (!text.startsWith('/')) return { problem: 'a path template begins with "/"' }
  const parts = text.slice(1).split('/')
  const segments: (string | null)[] = []
  for (const [i, part] of parts.entries()) {
    if (part === '**') {
      if (i !== parts.length - 1) return { problem: '"**" is only allowed as the last segment' }
      segments.push(part)
    } else if (part.includes('*')) {
      return { problem: `"${part}": "*" is only allowed as "**", the last segment` }
    } else if (/^\{[A-Za-z0-9_-]{1,64}\}$/.test(part)) {
      segments.push(null)
    } else if (/[{}]/.test(part)) {
      return { problem: `"${part}": "{name}" stands for a whole segment` }
    } else {
      segments.push(part)
    }
  }
  const literal = '/' + segments.map((segment) => segment ?? 'x').join('/')
  const canonical = canonicalPath(literal)
  if (canonical === null) return { problem: 'can be read in more than one way, so nothing matches' }
  if (canonical !== literal) {
    return {
      problem:
        'is not canonical, so nothing matches: decode %XX of plain characters, and write the hex of others in upper case',
    }
  }
  return { text, segments }
}
