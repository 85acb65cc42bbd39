import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import path from 'node:path'
import { formatYaml } from '../config/format-yaml.ts'
import { parseYaml } from '../config/yaml.ts'
import { hashOf } from '../discovery/hash.ts'
import type { Index } from '../discovery/index.ts'
import { writeFileAtomically } from '../discovery/write-file.ts'
import type { KeySource } from '../issuers/key-source.ts'
import type { Problem } from '../policy/problem.ts'
import type { Log } from '../telemetry/log.ts'
import type { Outcome } from './reconcile.ts'
import { allSaid, conditionsOf, type Said, type Status, type StatusWriter } from './said.ts'

/** Acknowledgements come in bursts: one round of writing for all of a moment. */
const debounceMs = 50
/** What could not be written, on a full disk say, is tried again. */
const retryMs = 2000

interface StatusInFile extends Status {
  readonly problems?: readonly Problem[]
  /** Of the spec that was observed: tells an edit from a restart. */
  readonly specHash: string
}

/**
 * Status as files, `status/<kind>/<namespace>.<name>.yaml`, and `status/problems.yaml` for files that are
 * broken. A file is written only when what it says has changed, and goes with its resource.
 */
export function createStatusFiles(options: {
  readonly folder: string
  readonly index: Index
  readonly keySource: KeySource
  readonly log: Log
  readonly now: () => Date
}): StatusWriter {
  const { folder, log, now } = options
  const written = new Map<string, string>()
  let outcome: Outcome | undefined
  let timer: NodeJS.Timeout | undefined
  let round = Promise.resolve()
  let failing = false
  let closed = false

  const put = async (file: string, text: string): Promise<void> => {
    if (written.get(file) === text) return
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    await writeFileAtomically(file, text)
    written.set(file, text)
  }
  const writeAll = async ({ snapshot, verdicts }: Outcome): Promise<void> => {
    const { problems } = snapshot
    const conflicts = snapshot.conflicts.map((conflict) => ({ ...conflict }))
    await put(path.join(folder, 'problems.yaml'), formatYaml({ problems, conflicts }))
    const kept = new Set<string>()
    for (const said of allSaid({ snapshot, verdicts }, options)) {
      const { kind, namespace, name } = said
      const file = path.join(folder, kind, `${fileName(namespace, name)}.yaml`)
      kept.add(file)
      const before = await readStatus(file, written.get(file))
      const metadata = { ...(namespace === '' ? {} : { namespace }), name }
      const status = statusOf(said, before, now().toISOString())
      const apiVersion = 'tokenward.dev/v1alpha1'
      await put(file, formatYaml({ apiVersion, kind, metadata, status }))
    }
    for (const kind of ['AccessPolicy', 'TrustedIssuer']) {
      for (const entry of await readdir(path.join(folder, kind)).catch(() => [])) {
        const file = path.join(folder, kind, entry)
        if (kept.has(file)) continue
        await unlink(file)
        written.delete(file)
      }
    }
  }
  const write = async (): Promise<void> => {
    if (outcome === undefined) return
    try {
      await writeAll(outcome)
      failing = false
    } catch (err) {
      if (!failing)
        log.warn({ err, folder }, 'status cannot be written; what is enforced is not concerned')
      failing = true
      if (!closed) timer ??= setTimeout(due, retryMs)
    }
  }
  const due = (): void => {
    timer = undefined
    round = round.then(write)
  }
  const again = (): void => {
    timer ??= setTimeout(due, debounceMs)
  }

  return {
    take(next) {
      outcome = next
      again()
    },
    again,
    async close() {
      closed = true
      clearTimeout(timer)
      await round
    },
  }
}

/** A generation rises with the spec. */
function statusOf(
  said: Said,
  before: Partial<StatusInFile> | undefined,
  now: string,
): StatusInFile {
  const specHash = hashOf(said.spec)
  const last = before?.observedGeneration ?? 0
  const observedGeneration = before?.specHash === specHash ? last : last + 1
  return {
    observedGeneration,
    conditions: conditionsOf(said.findings, { before, observedGeneration, now }),
    ...said.rest,
    ...(said.problems.length === 0 ? {} : { problems: said.problems }),
    specHash,
  }
}

async function readStatus(file: string, text?: string): Promise<Partial<StatusInFile> | undefined> {
  const found = text ?? (await readFile(file, 'utf8').catch(() => ''))
  const value = parseYaml(found).documents[0]?.value as
    { status?: Partial<StatusInFile> } | undefined
  return value?.status
}

function fileName(namespace: string, name: string): string {
  const parts = namespace === '' ? [name] : [namespace, name]
  return parts.map(encodeURIComponent).join('.')
}
