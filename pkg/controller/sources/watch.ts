import { watch, type FSWatcher } from 'node:fs'
import type { Log } from '../../telemetry/log.ts'
import { listFolders } from './list-files.ts'

const debounceMs = 20
/** Watches miss things: network mounts, exhausted limits, folders that are replaced. */
const recheckMs = 1000
/** Of folders that are watched; what is below others is noticed within a second. */
const maxWatches = 256

export interface Watch {
  close(): void
}

/**
 * Calls `onHint` shortly after something below the folders may have changed, and every second anyway. One
 * watch for each folder: the `recursive` one of Node throws where nobody can catch it, on a link to itself.
 */
export function watchFolders(
  folders: readonly string[],
  options: { readonly log: Log; readonly onHint: () => void },
): Watch {
  const watchers = new Map<string, FSWatcher>()
  let debounce: NodeJS.Timeout | undefined
  let closed = false
  const hint = (): void => {
    debounce ??= setTimeout(() => {
      debounce = undefined
      options.onHint()
      void follow()
    }, debounceMs)
  }
  const drop = (folder: string): void => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const begin = (folder: string): void => {
    if (watchers.has(folder) || watchers.size >= maxWatches) return
    try {
      const watcher = watch(folder, hint)
      watchers.set(folder, watcher)
      watcher.on('error', (err) => {
        options.log.debug({ err, folder }, 'a watch failed; the folder is read every second')
        drop(folder)
      })
    } catch (err) {
      options.log.debug({ err, folder }, 'no watch; the folder is read every second')
    }
  }
  /** Watches what there is now, and nothing that is gone. */
  const follow = async (): Promise<void> => {
    const lists = await Promise.all(folders.map((folder) => listFolders(folder)))
    if (closed) return
    const found = new Set(lists.flat())
    for (const folder of watchers.keys()) if (!found.has(folder)) drop(folder)
    for (const folder of found) begin(folder)
  }
  for (const folder of folders) begin(folder)
  void follow()
  const recheck = setInterval(() => {
    void follow()
    options.onHint()
  }, recheckMs)

  return {
    close() {
      closed = true
      clearInterval(recheck)
      clearTimeout(debounce)
      for (const folder of watchers.keys()) drop(folder)
    },
  }
}
