import { sniff } from '../../pkg/proxy/forward/sniff.ts'
import { connectionBytes, mutate, type Random } from './http-grammar.ts'
import { ours } from './http-readings.ts'

/** By then it must be known what a connection is. */
const decidedBytes = 4 * 1024
const others = [
  '\x16\x03\x01\x02',
  '\x16\x04',
  'PRI * HTTP/2.0\r\n\r\nSM',
  'SSH-2.0-x\r\n',
  '\0\0',
  'get k\r\n',
]

/** The first bytes of a connection of an app, HTTP mostly. */
export function firstBytes(random: Random): Buffer {
  const kind = random(8)
  const made =
    kind === 0
      ? Buffer.from(others[random(others.length)] ?? '', 'latin1')
      : kind === 1
        ? Buffer.from(`GET /${'a'.repeat(random(9_000))} HTTP/1.1\r\nHost: a\r\n\r\n`)
        : connectionBytes(random)
  return random(2) === 0 ? mutate(random, made) : made
}

/**
 * What is wrong, in words, or null. What the engine can read must reach the engine, for there tokens are added
 * and taken off; and what was told from the first bytes, no later byte may change.
 */
export function sniffProblem(bytes: Buffer, random: Random): string | null {
  const whole = sniff(bytes)
  if (ours(bytes).readings.length > 0 && whole !== 'http') return `HTTP is told to be ${whole}`
  if (bytes.length >= decidedBytes && whole === undefined) return 'nothing is told of so much'
  for (let look = 0; look < 8; look++) {
    const part = sniff(bytes.subarray(0, random(Math.min(bytes.length, decidedBytes) + 1)))
    if (part !== undefined && part !== whole) return `${part} at first, ${whole} then`
  }
  return null
}
