/** Bounds of one message's head and chunks. */
export interface MessageLimits {
  /** A request or response head, start line to empty line. */
  readonly headBytes: number
  readonly fields: number
  /** One chunk-size line with its extensions. */
  readonly chunkLineBytes: number
  readonly trailerBytes: number
}

export const messageLimits: MessageLimits = Object.freeze({
  headBytes: 32 * 1024,
  fields: 100,
  chunkLineBytes: 256,
  trailerBytes: 8 * 1024,
})
