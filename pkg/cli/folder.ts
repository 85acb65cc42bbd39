import { existsSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { readCoreObject } from '../api/core-objects.ts'
import type { CoreObject, Namespace, Pod, Service, ServiceAccount } from '../api/core.ts'
import { parseResources, type Located } from '../api/parse.ts'
import type { Problem } from '../api/problem.ts'
import type { AccessPolicy, CustomResource, TrustedIssuer } from '../api/types.ts'
import { listFiles } from '../controller/sources/list-files.ts'
import { readText } from '../controller/sources/read-text.ts'
import { clusterDomain, trustDomain } from '../local/commands.ts'
import { objectsOf } from '../local/objects.ts'
import { plan, portWishes } from '../local/plan.ts'
import { readLocal, type LocalFile } from '../local/read-local.ts'
import { parseTemplate } from '../policy/path.ts'
import type { World } from '../policy/world.ts'
import { StartError } from '../refusal/exit-codes.ts'

type Resource = CustomResource | CoreObject

/** A folder of resources as it was read, with all that is wrong in it. */
export interface Folder {
  readonly files: readonly string[]
  readonly resources: readonly Located<Resource>[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  readonly local: LocalFile | undefined
}

/** Reads every resource of a folder, and its `local.yaml`. Throws StartError where there is no folder. */
export async function readFolder(folder: string): Promise<Folder> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StartError(
      'inputMissing',
      `${folder} is not a folder: name the one with the resources`,
    )
  }
  const files: string[] = []
  const resources: Located<Resource>[] = []
  const problems: Problem[] = []
  const warnings: Problem[] = []
  for (const { path } of await listFiles(folder)) {
    const name = shown(path)
    files.push(name)
    const read = await readText(path)
    if ('problem' in read) {
      problems.push({ file: name, line: 1, column: 1, path: '', message: read.problem })
      continue
    }
    const parsed = parseResources(read.text, name, { parseTemplate })
    resources.push(...parsed.resources)
    problems.push(...parsed.problems)
    warnings.push(...parsed.warnings)
  }
  const local = await readLocalOf(folder, files, problems)
  return { files, resources, problems, warnings, local }
}

async function readLocalOf(
  folder: string,
  files: string[],
  problems: Problem[],
): Promise<LocalFile | undefined> {
  const path = join(folder, 'local.yaml')
  if (!existsSync(path)) return undefined
  const file = shown(path)
  files.push(file)
  const read = await readText(path)
  if ('problem' in read) {
    problems.push({ file, line: 1, column: 1, path: '', message: read.problem })
    return undefined
  }
  const reading = readLocal(read.text)
  if ('file' in reading) return reading.file
  problems.push(...reading.problems.map((problem) => ({ file, path: '', ...problem })))
  return undefined
}

/** As a message names a file: short where it is below the working folder. */
function shown(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? resolve(path) : short
}

/** The world of a folder: its resources, and what its `local.yaml` says a cluster would have. */
export function worldOf(folder: Folder): World {
  const objects = [
    ...folder.resources.map(({ resource }) => resource),
    ...(folder.local === undefined ? [] : localObjects(folder.local)),
  ]
  const ofKind = <T extends Resource>(kind: T['kind']): T[] =>
    objects.filter((object): object is T => object.kind === kind)
  return {
    trustDomain,
    clusterDomain,
    namespaces: ofKind<Namespace>('Namespace'),
    serviceAccounts: ofKind<ServiceAccount>('ServiceAccount'),
    services: ofKind<Service>('Service'),
    pods: ofKind<Pod>('Pod'),
    policies: ofKind<AccessPolicy>('AccessPolicy'),
    issuers: ofKind<TrustedIssuer>('TrustedIssuer'),
  }
}

/** Nothing runs here, so any port and any UID will do. */
function localObjects(local: LocalFile): CoreObject[] {
  const ports = portWishes(local).map(({ key, port }, index) => [key, port ?? 1 + index] as const)
  return objectsOf(plan(local, Object.fromEntries(ports)), (id) => id).map((manifest) => {
    const read = readCoreObject(manifest.kind, { ...manifest })
    if ('findings' in read) {
      throw new Error(`${manifest.kind} of local.yaml: ${JSON.stringify(read.findings)}`)
    }
    return read.object
  })
}
