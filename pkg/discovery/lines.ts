/** Framing of the discovery stream: one JSON object a line, in UTF-8, each line bounded. */

/**
 * Longest line downstream: all sections of a sidecar or an authority. Many times what the policies of one
 * namespace may amount to (`namespaceBytes`).
 */
export const maxDownstreamLineBytes = 32 * 1024 * 1024
/** Longest line upstream: hashes and reasons. */
export const maxUpstreamLineBytes = 64 * 1024

/** What reads a line may recurse into it; ours are not half as deep. */
const maxDepth = 64

/** A line that is no line of ours; the stream that carried it cannot be read on. */
export class LineError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LineError'
  }
}

export interface LineReader {
  /** Reads on; calls `onLine` for each whole line. Throws LineError, after which it is spent. */
  push(chunk: Buffer): void
  /** The stream has ended. Throws LineError where that cuts a line. */
  end(): void
}

/** A line as it is sent. `JSON.stringify` escapes every line break inside. */
export function writeLine(value: object): string {
  return JSON.stringify(value) + '\n'
}

/** A reader of lines: UTF-8 without replacement, one JSON object each, nothing between them. */
export function createLineReader(
  maxBytes: number,
  onLine: (value: Readonly<Record<string, unknown>>) => void,
): LineReader {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let pending: Buffer[] = []
  let pendingBytes = 0
  let spent = false

  const fail = (message: string): never => {
    spent = true
    pending = []
    throw new LineError(message)
  }
  const hold = (part: Buffer): void => {
    pendingBytes += part.length
    if (pendingBytes > maxBytes) fail(`a line is longer than ${maxBytes} bytes`)
    if (part.length > 0) pending.push(part)
  }
  const take = (): Buffer => {
    const line = pending.length === 1 ? pending[0] : undefined
    const whole = line ?? Buffer.concat(pending, pendingBytes)
    pending = []
    pendingBytes = 0
    return whole
  }
  const parse = (bytes: Buffer): Readonly<Record<string, unknown>> => {
    let value: unknown
    try {
      value = JSON.parse(decoder.decode(bytes))
    } catch {
      return fail('a line is not JSON')
    }
    if (isDeeperThan(maxDepth, value))
      return fail(`a line is nested deeper than ${maxDepth} levels`)
    return isObject(value) ? value : fail('a line is not a JSON object')
  }

  return {
    push(chunk) {
      if (spent) throw new LineError('the stream cannot be read on')
      let start = 0
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        hold(chunk.subarray(start, at))
        start = at + 1
        onLine(parse(take()))
      }
      hold(chunk.subarray(start))
    },
    end() {
      if (pendingBytes > 0) fail('the stream ended within a line')
    },
  }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member))
}

/** Whether a value is a JSON object: no array, no null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
