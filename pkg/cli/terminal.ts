import type { Writable } from 'node:stream'
import { styleText } from 'node:util'

/** Where a command writes: answers on `out`, everything else on `error`. */
export interface Terminal {
  readonly out: Writable
  readonly error: Writable
}

type Style = 'green' | 'red' | 'yellow' | 'bold' | 'dim'

/** Coloured where the stream is a terminal and NO_COLOR is not set. */
export function paint(style: Style, text: string, stream: Writable): string {
  return styleText(style, text, { stream, validateStream: true })
}
