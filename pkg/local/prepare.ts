import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { formatYaml } from '../config/format-yaml.ts'
import { StartError } from '../refusal/exit-codes.ts'
import { prepareCertificates } from './certificates.ts'
import { clusterDomain } from './commands.ts'
import { controlPlane, objectsOf, podOf, serviceAddresses, type Manifest } from './objects.ts'
import type { StatePaths } from './paths.ts'
import type { Plan } from './plan.ts'
import { readLocal, type LocalFile } from './read-local.ts'
import {
  createTokenFiles,
  identityOf,
  prepareIssuerKey,
  type TokenFile,
} from './service-account-issuer.ts'
import { writeStateFile } from './state-file.ts'

/** The text of the `local.yaml` of a folder; undefined where it cannot be read. */
export function readLocalText(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'local.yaml'), 'utf8')
  } catch {
    return undefined
  }
}

/** Reads the `local.yaml` of a folder. Throws StartError with every problem, a line each. */
export function readLocalFile(folder: string): LocalFile {
  const path = join(folder, 'local.yaml')
  let source: string
  try {
    source = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const why = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`
    throw new StartError('inputMissing', `${path} ${why}: it lists the workloads to run`, error)
  }
  const reading = readLocal(source)
  if ('file' in reading) return reading.file
  const lines = reading.problems.map(
    ({ line, column, message }) => `${path}:${line}:${column}: ${message}`,
  )
  throw new StartError('inputInvalid', lines.join('\n'))
}

/** UIDs that stay with their object from start to start. */
export function createUids(before: Readonly<Record<string, string>>): {
  readonly uidOf: (id: string) => string
  /** Those of the objects that were asked for: one that goes and comes back is another. */
  readonly used: () => Record<string, string>
} {
  const used: Record<string, string> = {}
  return {
    uidOf: (id) => (used[id] ??= before[id] ?? randomUUID()),
    used: () => used,
  }
}

/**
 * Writes what a cluster would have given into the state folder: objects, keys, certificates, addresses,
 * tokens. Throws StartError. Gives what keeps the tokens fresh.
 */
export function prepareState(
  paths: StatePaths,
  plan: Plan,
  options: { readonly uidOf: (id: string) => string; readonly nowMs: number },
): { refresh(nowSeconds: number): void } {
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 })
  // Whatever repository the folder stands in must not take its keys.
  writeStateFile(join(paths.folder, '.gitignore'), '*\n')
  prepareCertificates(paths, new Date(options.nowMs))
  const key = prepareIssuerKey(paths)
  const objects = objectsOf(plan, options.uidOf)
  writeObjects(paths, objects)
  const addresses = serviceAddresses(plan, clusterDomain)
  writeStateFile(paths.serviceAddresses, `${JSON.stringify(addresses, undefined, 2)}\n`)
  for (const { namespace, name } of podsOf(plan)) {
    mkdirSync(paths.pod(namespace, name).state, { recursive: true, mode: 0o700 })
  }
  mkdirSync(paths.authority.state, { recursive: true, mode: 0o700 })
  const tokens = createTokenFiles(tokenFiles(paths, plan, objects), key)
  tokens.refresh(Math.floor(options.nowMs / 1000))
  return tokens
}

function writeObjects(paths: StatePaths, objects: readonly Manifest[]): void {
  const written = new Set<string>()
  for (const object of objects) {
    const { namespace, name } = object.metadata
    const file = `${[object.kind.toLowerCase(), namespace, name].filter(Boolean).join('.')}.yaml`
    written.add(file)
    writeStateFile(join(paths.objects, file), formatYaml(object))
  }
  // Objects of workloads that are gone.
  for (const file of readdirSync(paths.objects)) {
    if (!written.has(file)) rmSync(join(paths.objects, file), { recursive: true })
  }
}

function podsOf(plan: Plan) {
  return plan.workloads.map((workload) => ({
    namespace: workload.namespace,
    name: podOf(workload),
    serviceAccount: workload.serviceAccount,
  }))
}

function tokenFiles(paths: StatePaths, plan: Plan, objects: readonly Manifest[]): TokenFile[] {
  const { namespace, authority } = controlPlane
  const { serviceAccount, pod: name } = authority
  return [
    {
      path: paths.authority.discoveryToken,
      audience: 'tokenward:discovery',
      identity: identityOf(objects, { namespace, name, serviceAccount }),
    },
    ...podsOf(plan).flatMap((pod): TokenFile[] => {
      const files = paths.pod(pod.namespace, pod.name)
      const identity = identityOf(objects, pod)
      return [
        { path: files.discoveryToken, audience: 'tokenward:discovery', identity },
        { path: files.authorityToken, audience: 'tokenward:authority', identity },
      ]
    }),
  ]
}
