/** `make shop-image`: the apps of examples/shop on top of our own image, or of BASE=. OUT= writes an archive. */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { findEngine } from '../../cmd/image/engine.ts'

const tag = 'localhost/tokenward-shop:dev'
const { BASE: base = '', OUT: out = '' } = process.env
try {
  const engine = findEngine()
  engine.build({
    tag,
    context: 'examples/shop',
    file: 'examples/kubernetes/Dockerfile',
    ...(base === '' ? {} : { base }),
  })
  console.log(`built ${tag} with ${engine.name}`)
  if (out !== '') {
    rmSync(out, { force: true })
    mkdirSync(dirname(out), { recursive: true })
    engine.save({ tag, out })
  }
} catch (error) {
  console.error(`shop-image: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
