import { isDeepStrictEqual } from 'node:util'
import { hashOf } from '../../pkg/discovery/hash.ts'
import { withUpdate, type Held } from '../../pkg/discovery/held.ts'
import { createLineReader, LineError, writeLine } from '../../pkg/discovery/lines.ts'
import { readDownstream, readUpstream } from '../../pkg/discovery/shape.ts'

const maxLineBytes = 4096

/** What a client holds when the lines arrive. */
export const exampleHeld: Held = Object.fromEntries(
  ['rules', 'routes', 'addresses', 'keys', 'issuers', 'trust'].map((name) => {
    const value = { name }
    return [name, { hash: hashOf(value), value }]
  }),
)

/**
 * What is wrong with how bytes are read; undefined where nothing is. Only LineError is ever thrown; where
 * the chunks are cut changes nothing; what is read is what JSON.parse reads, and reads again as itself;
 * a state that is taken has the hashes that it was sent with.
 */
export function contradiction(bytes: Buffer, cuts: readonly number[]): string | undefined {
  const whole = readAll([bytes])
  const pieces = readAll(piecesOf(bytes, cuts))
  if (!isDeepStrictEqual(whole, pieces)) return 'the cuts change what is read'
  if (whole.crash !== undefined) return `threw ${whole.crash}`
  const texts = bytes.toString('utf8').split('\n')
  for (const [at, value] of whole.values.entries()) {
    if (!isDeepStrictEqual(value, JSON.parse(texts[at] ?? '')))
      return 'JSON.parse reads another value'
    const up = attempt(() => readUpstream(value))
    const down = attempt(() => readDownstream(value))
    if (up.crash !== undefined) return `upstream threw ${up.crash}`
    if (down.crash !== undefined) return `downstream threw ${down.crash}`
    for (const line of [up.value, down.value]) {
      if (line === undefined) continue
      const again = readAll([Buffer.from(writeLine(line))]).values[0] ?? {}
      const reread = attempt(() =>
        line === up.value ? readUpstream(again) : readDownstream(again),
      )
      const plain: unknown = JSON.parse(JSON.stringify(line))
      if (!isDeepStrictEqual(JSON.parse(JSON.stringify(reread.value ?? null)), plain)) {
        return 'a line does not read again as itself'
      }
    }
    if (down.value?.type !== 'update') continue
    const update = down.value
    const taken = attempt(() => withUpdate('sidecar', exampleHeld, update))
    if (taken.crash !== undefined) return `an update threw ${taken.crash}`
    for (const section of Object.values(taken.value ?? {})) {
      if (hashOf({ ...section.value }) !== section.hash) return 'a section has another hash'
    }
  }
  if (Object.keys(Object.prototype).length > 0) return 'Object.prototype was changed'
  return undefined
}

type Row = Readonly<Record<string, unknown>>

function readAll(chunks: readonly Buffer[]): { values: Row[]; refused?: string; crash?: string } {
  const values: Row[] = []
  const reader = createLineReader(maxLineBytes, (value) => values.push(value))
  const { refused, crash } = attempt(() => {
    for (const chunk of chunks) reader.push(chunk)
    reader.end()
  })
  return { values, ...(refused ? { refused } : {}), ...(crash ? { crash } : {}) }
}

function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length))
}

function attempt<T>(work: () => T): { value?: T; refused?: string; crash?: string } {
  try {
    return { value: work() }
  } catch (error) {
    return error instanceof LineError ? { refused: error.message } : { crash: String(error) }
  }
}
