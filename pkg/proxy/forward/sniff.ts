/** What the first bytes of a connection are; undefined: more must come to tell. */
export type Protocol = 'http' | 'http2' | 'tls' | 'other'

const tokenCharacters = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
/** A request line of HTTP/1 (RFC 9112 3); its one line feed is what tells it from other protocols of text. */
const requestLine = new RegExp(`^${tokenCharacters}{1,64} \\S+ HTTP/\\d\\.\\d\\r?\\n`)
const beginning = new RegExp(`^${tokenCharacters}{0,64}(?: |$)`)
const preface = 'PRI * HTTP/2.0\r\n'

/** So much of a line may come without telling; a request line with a target this long is HTTP. */
const undecidedBytes = 4 * 1024
/** That line, cut anywhere: in its target or in its version. */
const longLine = /^\S+ \S+(?: [HTP/.\d]*\r?)?$/

/** Tells HTTP/1, HTTP/2 with prior knowledge (RFC 9113 3.3) and TLS (RFC 8446 5.1) from all else. */
export function sniff(bytes: Buffer): Protocol | undefined {
  if (bytes.length === 0) return undefined
  if (bytes[0] === 0x16) {
    if (bytes.length < 2) return undefined
    return bytes[1] === 3 ? 'tls' : 'other'
  }
  const text = bytes.toString('latin1', 0, undecidedBytes)
  // One empty line before a request is allowed (RFC 9112 2.2).
  const start = text.startsWith('\r\n') ? 2 : 0
  const line = start === 0 ? text : text.slice(start)
  if (line === '' || line === '\r') return undefined
  if (line.startsWith(preface)) return 'http2'
  if (line.includes('\n')) return requestLine.test(line) ? 'http' : 'other'
  if (!beginning.test(line)) return 'other'
  if (text.length < undecidedBytes) return undefined
  return longLine.test(line) ? 'http' : 'other'
}
