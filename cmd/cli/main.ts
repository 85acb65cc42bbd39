#!/usr/bin/env node
import { join } from 'node:path'
import { runProgram } from '../../pkg/cli/program.ts'
import product from '../../package.json' with { type: 'json' }

/** From source each process has its folder in cmd/; bundled, its file beside this one. */
function entryOf(name: string): string {
  return import.meta.filename.endsWith('.mjs')
    ? join(import.meta.dirname, `${name}.mjs`)
    : join(import.meta.dirname, '..', name, 'main.ts')
}

// Whoever read us has gone (`| head`, a closed terminal): nothing is left to say to him.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)
const terminal = { out: process.stdout, error: process.stderr }
process.exitCode = await runProgram(process.argv.slice(2), terminal, {
  version: product.version,
  env: process.env,
  program: (name) => [process.execPath, entryOf(name)],
  onSignal: (name, action) => process.on(name, action),
})
