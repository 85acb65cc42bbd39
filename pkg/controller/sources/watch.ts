import { watch, type FSWatcher } from 'node:fs'
import type { Log } from '../../telemetry/log.ts'

const debounceMs = 20
/** Watches miss things: network mounts, exhausted limits, folders that are replaced. */
const recheckMs = 1000

export interface Watch {
  close(): void
}

/** Calls `onHint` shortly after something below the folders may have changed, and every second anyway. */
export function watchFolders(
  folders: readonly string[],
  options: { readonly log: Log; readonly onHint: () => void },
): Watch {
  const watchers = new Map<string, FSWatcher>()
  let debounce: NodeJS.Timeout | undefined
  const hint = (): void => {
    debounce ??= setTimeout(() => {
      debounce = undefined
      options.onHint()
    }, debounceMs)
  }
  const drop = (folder: string): void => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const begin = (folder: string): void => {
    if (watchers.has(folder)) return
    try {
      const watcher = watch(folder, { recursive: true }, hint)
      watchers.set(folder, watcher)
      watcher.on('error', (err) => {
        options.log.debug({ err, folder }, 'a watch failed; the folder is read every second')
        drop(folder)
      })
    } catch (err) {
      options.log.debug({ err, folder }, 'no watch; the folder is read every second')
    }
  }
  for (const folder of folders) begin(folder)
  const recheck = setInterval(() => {
    for (const folder of folders) begin(folder)
    options.onHint()
  }, recheckMs)

  return {
    close() {
      clearInterval(recheck)
      clearTimeout(debounce)
      for (const folder of folders) drop(folder)
    },
  }
}
