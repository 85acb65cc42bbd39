/** The lines of a watch: one JSON value each, in UTF-8, each bounded. */

/** An object of the store has 1.5 MB at most; as JSON with escapes a few times that. */
const maxLineBytes = 32 * 1024 * 1024

/** A line that is not JSON; what follows on its stream cannot be trusted either. */
export class BadLineError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BadLineError'
  }
}

export interface Lines {
  /** Calls `onLine` for each whole line. Throws BadLineError. */
  push(chunk: Buffer): void
  /** The stream has ended. Throws BadLineError where that cuts a line. */
  end(): void
}

/** Reads lines; an error names the size of a line, never its content, which may be a Secret. */
export function createLines(onLine: (value: unknown) => void): Lines {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let pending: Buffer[] = []
  let pendingBytes = 0

  const hold = (part: Buffer): void => {
    pendingBytes += part.length
    if (pendingBytes > maxLineBytes) {
      throw new BadLineError(`a line of the watch is longer than ${maxLineBytes} bytes`)
    }
    if (part.length > 0) pending.push(part)
  }
  const take = (): Buffer => {
    const whole = Buffer.concat(pending, pendingBytes)
    pending = []
    pendingBytes = 0
    return whole
  }
  const parse = (bytes: Buffer): unknown => {
    try {
      return JSON.parse(decoder.decode(bytes))
    } catch {
      throw new BadLineError(`a line of the watch, ${bytes.length} bytes, is not JSON`)
    }
  }
  return {
    push(chunk) {
      let start = 0
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        hold(chunk.subarray(start, at))
        start = at + 1
        const line = take()
        if (line.length > 0) onLine(parse(line))
      }
      hold(chunk.subarray(start))
    },
    end() {
      if (pendingBytes > 0) throw new BadLineError('the watch ended within a line')
    },
  }
}
