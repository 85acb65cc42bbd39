import type { Index } from '../discovery/index.ts'
import type { KeySource, KeyStatus } from '../issuers/key-source.ts'
import type { Problem } from '../policy/problem.ts'
import { findingOf, findingsOf, type Finding } from './conditions.ts'
import type { Outcome } from './reconcile.ts'
import { resourceKey, type Guard } from './sources/snapshot.ts'

const longestKeyId = 256

interface Condition extends Finding {
  readonly observedGeneration: number
  /** RFC 3339. */
  readonly lastTransitionTime: string
}

/** Of a custom resource, as its schema has it. */
export interface Status {
  readonly observedGeneration: number
  readonly conditions: readonly Condition[]
  readonly targets?: { readonly workloads: number; readonly applied: number }
  readonly keys?: { readonly keyIds: readonly string[]; readonly fetchedAt?: string }
}

/** What is to be said about one resource. */
export interface Said {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly spec: object
  readonly findings: readonly Finding[]
  readonly problems: readonly Problem[]
  readonly rest: Pick<Status, 'targets' | 'keys'>
}

/** Says of each resource what became of it. */
export interface StatusWriter {
  take(outcome: Outcome): void
  /** Counts or keys may have changed. */
  again(): void
  close(): Promise<void>
}

/** What is to be said of the last outcome, by what is known now. */
export function allSaid(
  { snapshot, verdicts }: Outcome,
  { index, keySource }: { readonly index: Index; readonly keySource: KeySource },
): Said[] {
  const specs = new Map(
    snapshot.resources.flatMap((resource) =>
      resource.kind === 'AccessPolicy' || resource.kind === 'TrustedIssuer'
        ? [[resourceKey(resource.kind, resource.metadata), resource.spec as object] as const]
        : [],
    ),
  )
  const gapsOf = (pods: readonly string[]): string[] =>
    pods.flatMap((uid) => {
      const gap = gapOf(uid, index, snapshot.server?.guards.get(uid))
      if (gap === undefined) return []
      const { namespace = '', pod = '' } = index.current()?.pods.get(uid) ?? {}
      return [`${namespace}/${pod} (${gap})`]
    })
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
      spec: specs.get(resourceKey(kind, verdict)) ?? {},
      findings: findingsOf(verdict, { progress, keys, gaps: gapsOf(pods) }),
      problems,
      rest: {
        ...(kind === 'AccessPolicy'
          ? { targets: { workloads: pods.length, applied: progress.applied } }
          : {}),
        ...(keys === undefined ? {} : { keys: { keyIds: shownOf(keys), ...fetchedAt } }),
      },
    }
  })
  const contradicted = snapshot.conflicts
    .filter(({ kind }) => kind === 'AccessPolicy' || kind === 'TrustedIssuer')
    .map((conflict): Said => {
      const { kind, namespace, name, files } = conflict
      const findings = [findingOf(conflict)]
      return { kind, namespace, name, spec: { files }, findings, problems: [], rest: {} }
    })
  return [...judged, ...contradicted]
}

/** As the schema bounds them: whatever an issuer calls its keys, its status can be written. */
function shownOf({ keyIds }: KeyStatus): string[] {
  return keyIds.map((kid) => kid.slice(0, longestKeyId))
}

/** How calls get past the sidecar of a pod, as its own check or the pod itself says; undefined where none do. */
function gapOf(uid: string, index: Index, guard: Guard | undefined): string | undefined {
  const [answering] = index.bypassOf(uid)
  if (answering !== undefined)
    return `its app answers past it at port ${answering}: let it listen on 127.0.0.1`
  if (guard === undefined) return undefined
  if (guard.kind === 'none') return 'no sidecar'
  const judged = Object.keys(index.current()?.sidecars.get(uid)?.rules.ports ?? {}).map(Number)
  const port = judged.find((one) =>
    guard.kind === 'all' ? guard.but.includes(one) : !guard.ports.includes(one),
  )
  if (port === undefined) return undefined
  return guard.kind === 'all' ? `port ${port} is excluded` : `port ${port} is not mapped`
}

/** Findings with their times: a condition keeps its own while its status does not change. */
export function conditionsOf(
  findings: readonly Finding[],
  known: {
    readonly before: Partial<Status> | undefined
    readonly observedGeneration: number
    /** RFC 3339. */
    readonly now: string
  },
): readonly Condition[] {
  const { before, observedGeneration, now } = known
  return findings.map((finding) => {
    const same = before?.conditions?.find(({ type }) => type === finding.type)
    const lastTransitionTime = same?.status === finding.status ? same.lastTransitionTime : now
    return { ...finding, observedGeneration, lastTransitionTime }
  })
}
