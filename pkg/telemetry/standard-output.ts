import pino from 'pino'

/** What waits while nothing can be written; what comes then is lost. */
const maxWaitingBytes = 1024 * 1024

let shared: ((text: string) => void) | undefined

/**
 * Writes to standard output, and never throws: a full disk or a reader that has gone must not end what
 * the lines tell of. They wait, bounded, and are written with the next line that can be.
 */
export function standardOutput(): (text: string) => void {
  if (shared !== undefined) return shared
  const destination = pino.destination({ fd: 1, sync: true, maxLength: maxWaitingBytes })
  destination.on('error', () => undefined)
  shared = (text) => {
    destination.write(text)
  }
  return shared
}
