import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import path from 'node:path'
import { writeFileAtomically } from '../../discovery/write-file.ts'
import type { Log } from '../../telemetry/log.ts'

const retryMs = 2000

/** The last whole text of each file, kept so that a restart beside a broken file changes nothing. */
export interface LastGood {
  read(name: string): Promise<string | undefined>
  /** In the background; a disk that is full is a warning, and tried again. */
  keep(name: string, text: string): void
  /** Drops what is kept of all other files. */
  retain(names: ReadonlySet<string>): void
  /** When what was asked for so far is done; nothing is tried again. */
  close(): Promise<void>
}

/** Keeps texts in a folder, made when it is needed, one file by the hash of each name. */
export function openLastGood(options: { readonly folder: string; readonly log: Log }): LastGood {
  const { folder, log } = options
  /** Name -> text that is still to be kept. */
  const pending = new Map<string, string>()
  let kept: ReadonlySet<string> | undefined
  let queue = Promise.resolve()
  let failing = false
  let retry: NodeJS.Timeout | undefined
  const writeAll = async (): Promise<void> => {
    if (kept !== undefined) {
      for (const entry of await readdir(folder).catch(() => [])) {
        if (!kept.has(entry)) await unlink(path.join(folder, entry))
      }
      kept = undefined
    }
    if (pending.size > 0) await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const [name, text] of pending) {
      await writeFileAtomically(path.join(folder, entryOf(name)), text)
      if (pending.get(name) === text) pending.delete(name)
    }
  }
  const later = (): void => {
    clearTimeout(retry)
    queue = queue.then(writeAll).then(
      () => {
        failing = false
      },
      (err: unknown) => {
        if (!failing) log.warn({ err, folder }, 'the last whole texts cannot be kept')
        failing = true
        retry = setTimeout(later, retryMs)
      },
    )
  }
  return {
    read: (name) => readFile(path.join(folder, entryOf(name)), 'utf8').catch(() => undefined),
    keep(name, text) {
      pending.set(name, text)
      later()
    },
    retain(names) {
      for (const name of pending.keys()) if (!names.has(name)) pending.delete(name)
      kept = new Set([...names].map(entryOf))
      later()
    },
    async close() {
      await queue
      clearTimeout(retry)
    },
  }
}

function entryOf(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}
