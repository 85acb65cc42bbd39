import { readFile } from 'node:fs/promises'
import type { Log } from '../telemetry/log.ts'

/**
 * Follows files by their content: a mounted Secret changes by a symbolic link, which watchers miss. What `apply`
 * throws at, or cannot be read, is said once and left aside; what was applied before stays.
 */
export function followFiles(options: {
  readonly files: readonly string[]
  /** Their contents as they were applied, in the same order. */
  readonly applied: readonly string[]
  /** Takes the contents that have changed, all of them; throws an Error that says what is wrong. */
  readonly apply: (contents: readonly string[]) => void
  readonly log: Log
  readonly everyMs: number
}): { close(): void } {
  const { files, apply, log, everyMs } = options
  let seen = options.applied
  let problem = ''
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const look = async (): Promise<void> => {
    try {
      const contents = await Promise.all(files.map((file) => readFile(file, 'utf8')))
      if (isClosed || contents.every((content, at) => content === seen[at])) return
      // Remembered in any case: what is wrong with it is said once.
      seen = contents
      apply(contents)
      problem = ''
      log.info({ files }, 'files that have changed are in use')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const why = code ?? message
      if (why !== problem) log.warn({ files, why }, 'files that have changed are not used')
      problem = why
    }
  }
  const later = (): void => {
    timer = setTimeout(() => {
      void look().then(() => {
        if (!isClosed) later()
      })
    }, everyMs).unref()
  }
  later()
  return {
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
