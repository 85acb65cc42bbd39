import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** One file and its predecessor are kept, so that logs never fill a disk. */
const maxBytes = 16 * 1024 * 1024

export interface LogFile {
  /** Appends one line. A line that cannot be written is lost; `failed` is told once. */
  write(line: string): void
  close(): void
}

/** Opens the log of one process; the one of the run before stays beside it as `.1`. */
export function openLogFile(path: string, failed: (error: unknown) => void): LogFile {
  let file: number | undefined
  let bytes = 0
  let told = false
  const attempt = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      if (!told) failed(error)
      told = true
    }
  }
  const open = (): void => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (existsSync(path)) renameSync(path, `${path}.1`)
    file = openSync(path, 'w', 0o600)
    bytes = 0
  }
  const close = (): void => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  attempt(open)
  return {
    write(line) {
      attempt(() => {
        if (bytes > maxBytes) {
          close()
          open()
        }
        if (file !== undefined) bytes += writeSync(file, `${line}\n`)
      })
    },
    close,
  }
}
