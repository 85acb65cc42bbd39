/** How others read a path. A canonical one must look the same to all of them. */
import path from 'node:path'
import { canonicalPath } from '../../pkg/policy/path.ts'

/** What is wrong with our reading of a raw path; undefined: nothing. */
export function contradiction(raw: string): string | undefined {
  const canonical = canonicalPath(raw)
  if (canonical === null) return undefined
  if (canonicalPath(canonical) !== canonical) return 'the canonical form is not canonical'
  const once = decodeURIComponent(canonical)
  if (decodeURIComponent(raw) !== once) return 'canonicalising changed what it says'
  if (decodeLeniently(once) !== once) return 'a second decoding changes it'
  if (new URL(`http://x${canonical}`).pathname !== canonical) return 'a WHATWG URL reads another'
  if (path.posix.normalize(once) !== once) return 'POSIX normalisation after decoding changes it'
  if (path.win32.normalize(once).replaceAll('\\', '/') !== once) return 'so does that of Windows'
  const split = canonical.split('/').map(decodeURIComponent)
  if (split.join('/') !== once) return 'decode then split is not split then decode'
  if (once.split('/').length !== split.length) return 'decoding adds a segment'
  if (once.split('/').some((segment) => segment.includes(';'))) return 'a segment can be cut'
  if (split.slice(1, -1).includes('')) return 'an inner segment is empty'
  if (/[\u0000-\u001f\u007f\\]/.test(once)) return 'a control character or backslash is left'
  return undefined
}

function decodeLeniently(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
