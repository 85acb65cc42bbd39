import { readFile } from 'node:fs/promises'
import type { Log } from '../telemetry/log.ts'

export interface FollowedFiles {
  /** Looks now, and not only when it is time to. */
  look(): Promise<void>
  /** Why what is there now is not in use; undefined while it is. */
  problem(): string | undefined
  close(): void
}

/**
 * Follows files by their content: a mounted Secret changes by a symbolic link, which watchers miss. What
 * `apply` throws at, or cannot be read, is said once, left aside and tried again; what was applied before
 * stays.
 */
export function followFiles(options: {
  readonly files: readonly string[]
  /** Their contents as they were applied, in the same order; absent: nothing is in use yet. */
  readonly applied?: readonly string[]
  /** Takes the contents that have changed, all of them; throws an Error that says what is wrong. */
  readonly apply: (contents: readonly string[]) => void
  readonly log: Log
  readonly everyMs: number
}): FollowedFiles {
  const { files, apply, log, everyMs } = options
  let applied = options.applied
  let problem: string | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const look = async (): Promise<void> => {
    try {
      const contents = await Promise.all(files.map(read))
      if (isClosed) return
      if (applied === undefined || contents.some((content, at) => content !== applied?.[at])) {
        apply(contents)
        applied = contents
        log.info({ files }, 'files are in use as they are now')
      }
      problem = undefined
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it cannot be used'
      if (why !== problem) log.warn({ files, why }, 'files are not used as they are now')
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
    look,
    problem: () => problem,
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${error.code ?? error.message})`, { cause: error })
  })
}
