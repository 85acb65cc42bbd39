/**
 * `make image`: stages what belongs into the container image and builds it with the first of docker,
 * podman and buildah that works here. TAG= names the image, BASE= its base (without: this machine's own
 * Node.js, iptables and libraries), OUT= a file for a docker-archive of it.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { findEngine } from './engine.ts'
import { stageMachine } from './machine.ts'

mkdirSync('.cache', { recursive: true })
const context = mkdtempSync('.cache/image-')
const root = `${context}/root`

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function sizeOf(paths: readonly string[]): string {
  return mebibytes(paths.reduce((sum, path) => sum + statSync(path).size, 0))
}

/** The bundles and the native modules beside them, at the same place to each other. */
function stageBundles(): string[] {
  const made = existsSync('dist') ? files('dist') : []
  const shipped = made.filter((path) => /\.(mjs|node)$/.test(path))
  if (shipped.length === 0) throw new Error('dist/ holds no bundle: run make bundle')
  for (const path of shipped) {
    const target = join(root, 'tokenward', path.slice('dist/'.length))
    mkdirSync(dirname(target), { recursive: true })
    cpSync(path, target)
    chmodSync(target, 0o644)
  }
  return shipped
}

function make(): void {
  const { TAG: tag = 'localhost/tokenward:dev', BASE: base = '', OUT: out = '' } = process.env
  const engine = findEngine()
  console.log(`building ${tag} with ${engine.name}`)
  mkdirSync(root, { recursive: true })
  const bundles = stageBundles()
  console.log(`  processes: ${bundles.length} files, ${sizeOf(bundles)}`)
  if (base === '') {
    stageMachine(root)
    console.log(`  base: this machine's Node.js, iptables and libraries, ${sizeOf(files(root))}`)
  } else {
    console.log(`  base: ${base}`)
  }
  engine.build({ context, tag, ...(base === '' ? {} : { base }) })
  if (out === '') return
  rmSync(out, { force: true })
  mkdirSync(dirname(out), { recursive: true })
  engine.save({ tag, out })
  console.log(`  archive: ${out}, ${mebibytes(statSync(out).size)}`)
}

const start = performance.now()
try {
  make()
  console.log(`done in ${((performance.now() - start) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(`image: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  rmSync(context, { recursive: true, force: true })
}
