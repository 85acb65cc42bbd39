import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import path from 'node:path'
import { formatYaml } from '../config/format-yaml.ts'
import { parseYaml } from '../config/yaml.ts'
import { hashOf } from '../discovery/hash.ts'
import type { Index } from '../discovery/index.ts'
import { writeFileAtomically } from '../discovery/write-file.ts'
import type { KeySource } from '../issuers/key-source.ts'
import type { Log } from '../telemetry/log.ts'
import { findingOf, findingsOf, type Finding } from './conditions.ts'
import type { Outcome } from './reconcile.ts'

/** Acknowledgements come in bursts: one round of writing for all of a moment. */
const debounceMs = 50
/** What could not be written, on a full disk say, is tried again. */
const retryMs = 2000

interface Condition extends Finding {
  readonly observedGeneration: number
  readonly lastTransitionTime: string
}

interface Status {
  readonly observedGeneration: number
  readonly conditions: readonly Condition[]
  readonly targets?: { readonly workloads: number; readonly applied: number }
  readonly keys?: { readonly keyIds: readonly string[]; readonly fetchedAt?: string }
  readonly problems?: readonly { readonly field: string; readonly message: string }[]
  /** Of the spec that was observed: tells an edit from a restart. */
  readonly specHash: string
}

/** What is to be said about one resource. */
interface Said {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly spec: object
  readonly findings: readonly Finding[]
  readonly rest: Pick<Status, 'targets' | 'keys' | 'problems'>
}

export interface StatusWriter {
  take(outcome: Outcome): void
  /** Counts or keys may have changed. */
  again(): void
  close(): Promise<void>
}

/**
 * Status as files, `status/<kind>/<namespace>.<name>.yaml`, and `status/problems.yaml` for files that are
 * broken. A file is written only when what it says has changed, and goes with its resource.
 */
export function createStatusWriter(options: {
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

function allSaid(
  { snapshot, verdicts }: Outcome,
  { index, keySource }: { readonly index: Index; readonly keySource: KeySource },
): Said[] {
  const specs = new Map(
    snapshot.resources.flatMap((resource) =>
      resource.kind === 'AccessPolicy' || resource.kind === 'TrustedIssuer'
        ? [[keyOf(resource.kind, resource.metadata), resource.spec as object] as const]
        : [],
    ),
  )
  const judged = verdicts.map((verdict): Said => {
    const { kind, namespace, name, pods, problems } = verdict
    const progress = index.progress(pods)
    const keys = kind === 'TrustedIssuer' ? keySource.status(name) : undefined
    const { fetchedAtMs } = keys ?? {}
    const fetchedAt =
      fetchedAtMs === undefined ? {} : { fetchedAt: new Date(fetchedAtMs).toISOString() }
    return {
      kind,
      namespace,
      name,
      spec: specs.get(keyOf(kind, verdict)) ?? {},
      findings: findingsOf(verdict, progress, keys),
      rest: {
        ...(kind === 'AccessPolicy'
          ? { targets: { workloads: pods.length, applied: progress.applied } }
          : {}),
        ...(keys === undefined ? {} : { keys: { keyIds: keys.keyIds, ...fetchedAt } }),
        ...(problems.length === 0 ? {} : { problems }),
      },
    }
  })
  const contradicted = snapshot.conflicts
    .filter(({ kind }) => kind === 'AccessPolicy' || kind === 'TrustedIssuer')
    .map((conflict): Said => {
      const { kind, namespace, name, files } = conflict
      return { kind, namespace, name, spec: { files }, findings: [findingOf(conflict)], rest: {} }
    })
  return [...judged, ...contradicted]
}

/** A generation rises with the spec; a condition keeps its time while it says the same. */
function statusOf(said: Said, before: Partial<Status> | undefined, now: string): Status {
  const specHash = hashOf(said.spec)
  const last = before?.observedGeneration ?? 0
  const observedGeneration = before?.specHash === specHash ? last : last + 1
  return {
    observedGeneration,
    conditions: said.findings.map((finding) => {
      const same = before?.conditions?.find(({ type }) => type === finding.type)
      const lastTransitionTime = same?.status === finding.status ? same.lastTransitionTime : now
      return { ...finding, observedGeneration, lastTransitionTime }
    }),
    ...said.rest,
    specHash,
  }
}

async function readStatus(file: string, text?: string): Promise<Partial<Status> | undefined> {
  const found = text ?? (await readFile(file, 'utf8').catch(() => ''))
  const value = parseYaml(found).documents[0]?.value as { status?: Partial<Status> } | undefined
  return value?.status
}

function keyOf(kind: string, { namespace, name }: { namespace: string; name: string }): string {
  return `${kind}/${namespace}/${name}`
}

function fileName(namespace: string, name: string): string {
  const parts = namespace === '' ? [name] : [namespace, name]
  return parts.map(encodeURIComponent).join('.')
}
