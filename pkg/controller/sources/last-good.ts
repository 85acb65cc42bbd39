import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import path from 'node:path'
import { writeFileAtomically } from '../../discovery/write-file.ts'
import type { Log } from '../../telemetry/log.ts'

/** The last whole text of each file, kept so that a restart beside a broken file changes nothing. */
export interface LastGood {
  read(name: string): Promise<string | undefined>
  /** In the background; a disk that is full is a warning. */
  keep(name: string, text: string): void
  /** Drops what is kept of all other files. */
  retain(names: ReadonlySet<string>): void
  /** When what was asked for so far is done. */
  settled(): Promise<void>
}

export function openLastGood(options: { readonly folder: string; readonly log: Log }): LastGood {
  const { folder, log } = options
  let queue = Promise.resolve()
  let failing = false
  const later = (work: () => Promise<void>): void => {
    queue = queue.then(work).then(
      () => {
        failing = false
      },
      (err: unknown) => {
        if (!failing) log.warn({ err, folder }, 'the last whole texts cannot be kept')
        failing = true
      },
    )
  }
  return {
    read: (name) => readFile(path.join(folder, entryOf(name)), 'utf8').catch(() => undefined),
    keep(name, text) {
      later(async () => {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await writeFileAtomically(path.join(folder, entryOf(name)), text)
      })
    },
    retain(names) {
      later(async () => {
        const kept = new Set([...names].map(entryOf))
        for (const entry of await readdir(folder).catch(() => [])) {
          if (!kept.has(entry)) await unlink(path.join(folder, entry))
        }
      })
    },
    settled: () => queue,
  }
}

function entryOf(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}
