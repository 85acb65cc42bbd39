import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../telemetry/log.ts'
import { versionOf, type KubeObject, type WatchEvent } from './objects.ts'
import { keyOf } from './resource.ts'

/** A list that is on its way. */
export interface Listing {
  add(object: KubeObject): void
  /** What came so far does not count. */
  restart(): void
  /** It is complete, and the view from now on. Gives whether that changes something. */
  finish(resourceVersion: string): boolean
}

export interface View<T> {
  items(): ReadonlyMap<string, T>
  version(): number
  synced(): boolean
  ageMs(): number
  /** Objects that could not be read, and why. */
  unread(): ReadonlyMap<string, string>
  list(): Listing
  /** Gives whether the event changes something. Throws BadLineError, and then nothing is changed. */
  take(event: WatchEvent): boolean
}

/** What is known of one kind of object, of which version, and since when. */
export function createView<T>(options: {
  readonly transform: (object: KubeObject) => T | undefined
  readonly log: Log
  readonly monotonicMs: () => number
  readonly wallMs: () => number
}): View<T> {
  const { transform, log, monotonicMs, wallMs } = options
  let items = new Map<string, T>()
  let unread = new Map<string, string>()
  let version = 0
  let isSynced = false
  let provenAtMs = -Infinity
  let provenAtWallMs = -Infinity

  const prove = (seen: number): void => {
    version = Math.max(version, seen)
    provenAtMs = monotonicMs()
    provenAtWallMs = wallMs()
  }
  const read = (
    object: KubeObject,
    key: string,
    unreadable: Map<string, string>,
  ): T | undefined => {
    try {
      const item = transform(object)
      unreadable.delete(key)
      return item
    } catch (err) {
      const why = err instanceof Error ? err.message : 'it cannot be read'
      if (unread.get(key) !== why) log.error({ err, key }, 'an object is left out')
      unreadable.set(key, why)
      return undefined
    }
  }

  return {
    items: () => items,
    version: () => version,
    synced: () => isSynced,
    // A machine that slept stopped its monotonic clock, and a wall clock may go back: the older age counts.
    ageMs: () => Math.max(monotonicMs() - provenAtMs, wallMs() - provenAtWallMs, 0),
    unread: () => unread,

    list() {
      let next = new Map<string, T>()
      let nextUnread = new Map<string, string>()
      return {
        add(object) {
          const key = keyOf(object.metadata)
          const item = read(object, key, nextUnread)
          if (item !== undefined) next.set(key, item)
        },
        restart() {
          next = new Map()
          nextUnread = new Map()
        },
        finish(resourceVersion) {
          const listed = versionOf(resourceVersion)
          if (listed < version) {
            log.warn(
              { listed, version },
              'the store went back, as after a restore: so does the view',
            )
            version = listed
          }
          const isChanged = !isSynced || !isDeepStrictEqual(next, items)
          items = next
          unread = nextUnread
          isSynced = true
          prove(listed)
          return isChanged
        },
      }
    },

    take(event) {
      if (event.type === 'BOOKMARK') {
        prove(versionOf(event.resourceVersion))
        return false
      }
      const { metadata } = event.object
      const seen = versionOf(metadata.resourceVersion)
      const key = keyOf(metadata)
      const before = items.get(key)
      const after = event.type === 'DELETED' ? undefined : read(event.object, key, unread)
      if (event.type === 'DELETED') unread.delete(key)
      if (after === undefined) items.delete(key)
      else items.set(key, after)
      prove(seen)
      return !isDeepStrictEqual(before, after)
    },
  }
}
