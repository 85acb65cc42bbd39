import path from 'node:path'
import { canonicalJson, hashOf } from '../../discovery/hash.ts'
import { StartError } from '../../refusal/exit-codes.ts'
import type { Log } from '../../telemetry/log.ts'
import { openFiles } from './files.ts'
import { openLastGood } from './last-good.ts'
import { mergeResources } from './merge.ts'
import type { Resource, Snapshot, Trust } from './snapshot.ts'
import { readTrust } from './trust.ts'
import { openVersions } from './versions.ts'
import { watchFolders } from './watch.ts'

const kinds = ['AccessPolicy', 'TrustedIssuer', 'Namespace', 'ServiceAccount', 'Service', 'Pod']
/** A file that somebody is writing at the start holds the first view up for so long, not for ever. */
const firstViewMs = 2000

export interface FolderSource {
  close(): Promise<void>
}

export interface FolderOptions {
  /** The user's resources. */
  readonly folder: string
  /** Its `objects/` has what a cluster would have. */
  readonly stateFolder: string
  readonly log: Log
  readonly monotonicMs: () => number
  readonly nowSeconds: () => number
  /** Something has changed, or this is the first view. */
  readonly onSnapshot: (snapshot: Snapshot) => void
  /** The folders were read and nothing has changed. */
  readonly onConfirmed: () => void
}

/**
 * Reads resources from a folder and follows its changes. Rejects with StartError where the first view
 * cannot be had; later failures leave the last view, which then shows its age.
 */
export async function openFolder(options: FolderOptions): Promise<FolderSource> {
  const { folder, stateFolder, log, monotonicMs, onSnapshot, onConfirmed } = options
  const objects = path.join(stateFolder, 'objects')
  const versions = await openVersions({
    file: path.join(stateFolder, 'versions.json'),
    log,
    nowSeconds: options.nowSeconds,
  }).catch((error: NodeJS.ErrnoException) => {
    const why = `${stateFolder} cannot be written (${error.code ?? error.message})`
    throw new StartError('cannotWrite', `the state folder ${why}; free space or choose another`)
  })
  const lastGood = openLastGood({ folder: path.join(stateFolder, 'last-good'), log })
  const shared = { log, monotonicMs, except: stateFolder }
  const sources = [
    openFiles({ ...shared, folder, sort: 'custom', lastGood }),
    openFiles({ ...shared, folder: objects, sort: 'core' }),
  ]
  let trust: Trust | undefined
  const complaints = { folders: '', trust: '' }
  /** What is met every second is logged once for as long as it is the same; undefined: it is over. */
  const complain = (about: keyof typeof complaints, err: unknown): void => {
    const words = err === undefined ? '' : describe(err)
    if (words !== '' && words !== complaints[about]) {
      log.error({ err, about }, 'what is there cannot be read; the last state stays')
    }
    complaints[about] = words
  }
  let published: readonly unknown[] = []
  let content = ''

  const look = async (): Promise<number | undefined> => {
    const waits = [await sources[0]?.look(), await sources[1]?.look()]
    const left = waits.filter((waitMs) => waitMs !== undefined)
    return left.length === 0 ? undefined : Math.min(...left)
  }
  /** What there is now; undefined where that is what was published last. */
  const view = async (): Promise<Snapshot | undefined> => {
    const next = await readTrust(stateFolder).then(
      (read) => {
        complain('trust', undefined)
        return read
      },
      (error: unknown) => {
        if (trust === undefined) throw error
        complain('trust', error)
        return trust
      },
    )
    // The same object while nothing changes: what was imported from its keys is found by it.
    if (trust === undefined || hashOf(next) !== hashOf(trust)) trust = next
    const seen = [trust, ...sources.map((source) => source.taken())]
    if (seen.every((part, at) => part === published[at])) return undefined
    const files = sources.flatMap((source) => source.taken())
    const { resources, conflicts } = mergeResources(files)
    const problems = files.flatMap((file) => file.problems)
    const revision = await versions.stamp(hashesByKind(resources, trust))
    published = seen
    const before = content
    content = canonicalJson([revision, problems, conflicts])
    return before === content ? undefined : { revision, resources, trust, problems, conflicts }
  }

  try {
    const deadlineMs = monotonicMs() + firstViewMs
    for (let waitMs = await look(); waitMs !== undefined; waitMs = await look()) {
      if (monotonicMs() > deadlineMs) break
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
    const first = await view()
    if (first !== undefined) onSnapshot(first)
  } catch (error) {
    throw new StartError('inputMissing', `no resources can be read: ${describe(error)}`, error)
  }

  let running = false
  let again = false
  let closed = false
  let soon: NodeJS.Timeout | undefined
  const follow = async (): Promise<void> => {
    again = true
    if (running) return
    running = true
    while (again && !closed) {
      again = false
      try {
        const waitMs = await look()
        const next = await view()
        if (closed) break
        if (next !== undefined) onSnapshot(next)
        else if (waitMs === undefined) onConfirmed()
        complain('folders', undefined)
        clearTimeout(soon)
        if (waitMs !== undefined) soon = setTimeout(() => void follow(), waitMs)
      } catch (err) {
        complain('folders', err)
      }
    }
    running = false
  }
  const watch = watchFolders([folder, objects], { log, onHint: () => void follow() })
  return {
    close() {
      closed = true
      clearTimeout(soon)
      watch.close()
      return lastGood.close()
    },
  }
}

function hashesByKind(resources: readonly Resource[], trust: Trust): ReadonlyMap<string, string> {
  const byKind = new Map<string, unknown[]>(kinds.map((kind) => [kind, []]))
  for (const resource of resources) byKind.get(resource.kind)?.push(resource)
  return new Map([
    ...[...byKind].map(([kind, list]) => [kind, hashOf(list)] as const),
    ['Trust', hashOf(trust)],
  ])
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const { code, path: file } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && file !== undefined) return `${file} does not exist`
  return error.message
}
