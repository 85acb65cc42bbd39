import { readFile } from 'node:fs/promises'
import { writeFileAtomically } from '../../discovery/write-file.ts'
import type { Revision } from '../../discovery/wire.ts'
import type { Log } from '../../telemetry/log.ts'

/** So many versions are written down ahead: a change then costs no write, and a full disk no change. */
const reservedAhead = 1000

export interface Versions {
  /**
   * The revision of a view: a kind whose content hash has changed gets a version above all before it.
   * Rejects with the system's error where that could be forgotten in a restart.
   */
  stamp(hashes: ReadonlyMap<string, string>): Promise<Revision>
}

/**
 * The folder's stand-in for the cluster's resourceVersions: one counter that never goes back, whatever
 * the process lives through. A file that is lost or damaged begins a new epoch, which clients believe.
 */
export async function openVersions(options: {
  readonly file: string
  readonly log: Log
  readonly nowSeconds: () => number
}): Promise<Versions> {
  const { file, log } = options
  const kept = await read(file, log)
  const epoch = kept?.epoch ?? options.nowSeconds()
  let counter = kept?.reserved ?? 0
  let reserved = counter
  const reserve = async (upTo: number): Promise<void> => {
    await writeFileAtomically(file, JSON.stringify({ epoch, reserved: upTo }) + '\n')
    reserved = upTo
  }
  await reserve(counter + reservedAhead)
  const seen = new Map<string, { hash: string; version: number }>()

  return {
    async stamp(hashes) {
      const changed = [...hashes].filter(([kind, hash]) => seen.get(kind)?.hash !== hash)
      if (counter + changed.length > reserved) await reserve(counter + reservedAhead)
      for (const [kind, hash] of changed) seen.set(kind, { hash, version: (counter += 1) })
      const versions = [...seen].map(([kind, { version }]) => [kind, version] as const)
      return { epoch, versions: Object.fromEntries(versions) }
    },
  }
}

async function read(
  file: string,
  log: Log,
): Promise<{ epoch: number; reserved: number } | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { epoch, reserved } = JSON.parse(text) as Record<string, unknown>
    if (Number.isSafeInteger(epoch) && Number.isSafeInteger(reserved)) {
      return { epoch: Number(epoch), reserved: Number(reserved) }
    }
  } catch {
    // Damaged, as below.
  }
  log.warn({ file }, 'the versions file is damaged; a new epoch begins')
  return undefined
}
