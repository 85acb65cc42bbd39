import path from 'node:path'
import type { Problem } from '../../api/problem.ts'
import type { Log } from '../../telemetry/log.ts'
import type { LastGood } from './last-good.ts'
import { listFiles, type FoundFile } from './list-files.ts'
import { readManifest, type Sort } from './read-manifest.ts'
import { readText, type TextReading } from './read-text.ts'
import type { Resource } from './snapshot.ts'

/** A file that is being written must not be taken for a whole one: it has to lie still this long. */
const quietMs = 40
/** And this long where its last line has no end, as a text has that is cut in the middle. */
const unendedQuietMs = 250

/** A file whose text was taken. */
interface TakenFile {
  /** Relative to its folder. */
  readonly name: string
  /** Undefined where it cannot be read. */
  readonly text: string | undefined
  /** Of the last text that was whole. */
  readonly resources: readonly Resource[]
  readonly problems: readonly Problem[]
}

interface KnownFile {
  /** Undefined while no text of it has lain still yet. */
  taken?: TakenFile & { readonly stamp: string }
  /** The state that it was found in last, and since when. */
  stamp: string
  sinceMs: number
}

export interface Files {
  /** In the order of their paths; the same list while nothing has changed. */
  taken(): readonly TakenFile[]
  /**
   * Looks at every file once. Gives how long to wait before a file that is being written may be whole;
   * undefined where none is. Rejects where the folder cannot be read.
   */
  look(): Promise<number | undefined>
}

/**
 * The files of one folder. A file that is broken keeps the resources of the last text that was whole,
 * one that is gone takes its resources with it.
 */
export function openFiles(options: {
  readonly folder: string
  readonly sort: Sort
  /** A folder below that is not looked into. */
  readonly except?: string
  readonly lastGood?: LastGood
  readonly log: Log
  readonly monotonicMs: () => number
}): Files {
  const { folder, sort, lastGood, log, monotonicMs } = options
  const known = new Map<string, KnownFile>()
  let list: readonly TakenFile[] | undefined

  const take = async (file: KnownFile, found: FoundFile, read: TextReading): Promise<void> => {
    const before = file.taken
    const { stamp } = found
    const text = 'text' in read ? read.text : undefined
    if (before !== undefined && text !== undefined && before.text === text) {
      file.taken = { ...before, stamp }
      return
    }
    const name = path.relative(folder, found.path)
    const { resources, problems } =
      'text' in read ? readManifest(read.text, name, sort) : unreadable(name, read.problem)
    if (text !== undefined && problems.length === 0) {
      file.taken = { name, text, stamp, problems, resources }
      lastGood?.keep(name, text)
      if ((before?.problems.length ?? 0) > 0) log.info({ file: name }, 'a file is whole again')
    } else {
      const last = before?.resources ?? (await keptResources(name))
      file.taken = { name, text, stamp, problems, resources: last }
      const keepsLastState = last.length > 0
      for (const problem of problems) log.warn({ ...problem, keepsLastState }, 'a file is broken')
    }
    list = undefined
  }
  const keptResources = async (name: string): Promise<readonly Resource[]> => {
    const text = await lastGood?.read(name)
    if (text === undefined) return []
    const { resources, problems } = readManifest(text, name, sort)
    return problems.length === 0 ? resources : []
  }
  /** Gives how long to wait still. */
  const lookAt = async (found: FoundFile): Promise<number> => {
    const nowMs = monotonicMs()
    const file = known.get(found.path) ?? { stamp: '', sinceMs: nowMs }
    known.set(found.path, file)
    if (file.stamp !== found.stamp) Object.assign(file, { stamp: found.stamp, sinceMs: nowMs })
    if (file.taken?.stamp === found.stamp) return 0
    const leftMs = file.sinceMs + quietMs - nowMs
    if (leftMs > 0) return leftMs
    const read = await readText(found.path)
    if ('text' in read && !hasEnd(read.text)) {
      const moreMs = file.sinceMs + unendedQuietMs - monotonicMs()
      if (moreMs > 0) return moreMs
    }
    await take(file, found, read)
    return 0
  }

  return {
    taken: () =>
      (list ??= [...known]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .flatMap(([, { taken }]) => (taken === undefined ? [] : [taken]))),
    async look() {
      const waits: number[] = []
      const listed = await listFiles(folder, options.except)
      for (const found of listed) {
        waits.push(
          await lookAt(found).catch((error: NodeJS.ErrnoException) => {
            // Gone since it was listed: the next look sees that.
            if (error.code === 'ENOENT') return quietMs
            throw error
          }),
        )
      }
      const paths = new Set(listed.map((found) => found.path))
      for (const gone of known.keys()) {
        if (paths.has(gone)) continue
        known.delete(gone)
        list = undefined
      }
      if (list === undefined) {
        lastGood?.retain(new Set([...paths].map((found) => path.relative(folder, found))))
      }
      const left = waits.filter((waitMs) => waitMs > 0)
      return left.length === 0 ? undefined : Math.min(...left)
    },
  }
}

function unreadable(file: string, message: string): ReturnType<typeof readManifest> {
  return { resources: [], problems: [{ file, line: 1, column: 1, path: '', message }] }
}

/** Whether a text is visibly not cut: its last line has an end, or its braces must have one to parse. */
function hasEnd(text: string): boolean {
  return text.endsWith('\n') || /^\s*[{[]/.test(text)
}
