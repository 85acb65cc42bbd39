import { readFileSync } from 'node:fs'
import type { Log } from '../telemetry/log.ts'
import { withUpdate, type Held } from './held.ts'
import { isObject } from './lines.ts'
import { readDownstream } from './shape.ts'
import type { ClientKind, Revision } from './wire.ts'
import { writeFileAtomically } from './write-file.ts'

interface State {
  readonly held: Held
  readonly revision: Revision
  /** How old the view is by now; infinite where the clock has gone back since it was kept. */
  readonly ageMs: number
}

export interface StateFile {
  /** What was kept, or undefined where there is nothing that can be trusted. */
  read(): State | undefined
  /** Keeps the latest state, in the background. A disk that is full is a warning. */
  write(state: State): void
}

const clockSkewMs = 5000

/**
 * The last good state of a client in its own folder, so that a restarted process acts at once. Every
 * section is checked against its hash when it is read; `secrets` are no section that is kept.
 */
export function createStateFile(options: {
  readonly path: string
  readonly kind: ClientKind
  readonly log: Log
  readonly wallMs: () => number
}): StateFile {
  const { path, kind, log, wallMs } = options
  let next: State | undefined
  let writing = false
  let failing = false

  const drain = async (): Promise<void> => {
    writing = true
    for (let state = next; state !== undefined; state = next) {
      next = undefined
      const { revision, held, ageMs } = state
      const line = { type: 'update', revision, sections: held }
      try {
        await writeFileAtomically(path, JSON.stringify({ kind, keptAtMs: wallMs(), ageMs, line }))
        failing = false
      } catch (err) {
        if (!failing)
          log.warn({ err, path }, 'the state cannot be kept; a restart will need a controller')
        failing = true
      }
    }
    writing = false
  }

  return {
    read() {
      let text: string
      try {
        text = readFileSync(path, 'utf8')
      } catch (err) {
        const { code } = err as NodeJS.ErrnoException
        if (code !== 'ENOENT') log.warn({ err, path }, 'the kept state cannot be read')
        return undefined
      }
      try {
        return parseState(text, kind, wallMs())
      } catch (err) {
        log.warn({ err, path }, 'the kept state is damaged and is left aside')
        return undefined
      }
    },
    write(state) {
      next = state
      if (!writing) void drain()
    },
  }
}

function parseState(text: string, kind: ClientKind, nowMs: number): State {
  const row: unknown = JSON.parse(text)
  if (!isObject(row) || row.kind !== kind || !isObject(row.line)) throw new Error('it is no state')
  const { keptAtMs, ageMs } = row
  const line = readDownstream(row.line)
  if (line?.type !== 'update' || typeof keptAtMs !== 'number' || typeof ageMs !== 'number') {
    throw new Error('it is no state')
  }
  const sinceMs = nowMs - keptAtMs
  return {
    held: withUpdate(kind, {}, line),
    revision: line.revision,
    ageMs: sinceMs < -clockSkewMs ? Infinity : ageMs + Math.max(sinceMs, 0),
  }
}
