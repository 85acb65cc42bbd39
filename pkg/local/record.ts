import { authorityUrl } from './commands.ts'
import { podOf } from './objects.ts'
import type { StatePaths } from './paths.ts'
import { idOf, type Plan } from './plan.ts'
import type { ProcessId } from './process-id.ts'
import type { LocalFile } from './read-local.ts'
import { readStateJson, writeStateFile } from './state-file.ts'

/** What `local.json` in the state folder says: where everything is, and what a next start keeps. */
export interface LocalRecord {
  readonly folder: string
  readonly authority: string
  readonly workloads: readonly RecordedWorkload[]
  readonly testUsers: string | null
  /** What runs now, by name. */
  readonly processes: readonly (ProcessId & { readonly name: string })[]
  /** Ports by what they are for; a chosen one is taken again at the next start. */
  readonly ports: Readonly<Record<string, number>>
  /** UIDs of the objects, by `Kind/namespace/name`. */
  readonly uids: Readonly<Record<string, string>>
}

export interface RecordedWorkload {
  /** `namespace/name`. */
  readonly workload: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly pod: string
  /** `namespace/name`; null where it has none. */
  readonly service: string | null
  readonly inbound: string
  readonly proxy: string
  readonly routes: Readonly<Record<string, string>>
  readonly app: string
  readonly admin: string
}

/** The part of the record that a plan settles. */
export function describePlan(
  folder: string,
  file: LocalFile,
  plan: Plan,
): Pick<LocalRecord, 'folder' | 'authority' | 'workloads' | 'testUsers'> {
  return {
    folder,
    authority: authorityUrl(plan),
    testUsers: file.testUsers?.url ?? null,
    workloads: plan.workloads.map((workload) => ({
      workload: idOf(workload),
      namespace: workload.namespace,
      serviceAccount: workload.serviceAccount,
      pod: podOf(workload),
      service:
        workload.service === undefined ? null : `${workload.namespace}/${workload.service.name}`,
      inbound: `http://127.0.0.1:${workload.inboundPort}`,
      proxy: `http://127.0.0.1:${workload.outboundPort}`,
      routes: Object.fromEntries(
        workload.routes.map(({ service, port }) => [service, `http://127.0.0.1:${port}`]),
      ),
      app: `http://${workload.app.address}`,
      admin: `http://127.0.0.1:${workload.adminPort}`,
    })),
  }
}

/** The record of the last start; undefined where there was none. Throws StartError. */
export function readRecord(paths: StatePaths): LocalRecord | undefined {
  return readStateJson(paths.local) as LocalRecord | undefined
}

/** Replaces the record in one step. Throws StartError. */
export function writeRecord(paths: StatePaths, record: LocalRecord): void {
  writeStateFile(paths.local, `${JSON.stringify(record, undefined, 2)}\n`)
}
