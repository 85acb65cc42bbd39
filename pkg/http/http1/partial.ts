import { CR, LF, tokenCharacters } from './characters.ts'
import { malformed } from './fields.ts'

/**
 * Refuses an unfinished head that can never become well-formed, so that what is not HTTP is answered at its first
 * bytes and not after a time-out. `scanned` bytes were looked at before.
 */
export function scanPartialHead(text: string, start: number, scanned: number): void {
  if (text.length > start && text !== '\r' && tokenCharacters[text.charCodeAt(start)] !== 1) {
    throw malformed('The request does not begin with a method.')
  }
  for (let at = Math.max(start, scanned); at < text.length; at++) {
    const code = text.charCodeAt(at)
    const bareLineFeed = code === LF && text.charCodeAt(at - 1) !== CR
    const bareReturn = at > 0 && text.charCodeAt(at - 1) === CR && code !== LF
    if (bareLineFeed || bareReturn || code === 0) {
      throw malformed('A line does not end in CRLF or has a NUL.')
    }
  }
}
