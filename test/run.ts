/**
 * What `make test` runs: the checks, then every suite. Everything runs even when something before it
 * failed; the last line counts from the runner's own report.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'

const report = '.cache/vitest.json'

const checks: readonly (readonly [string, readonly string[]])[] = [
  ['types', ['tsc']],
  ['lint', ['eslint', '--cache', '--cache-location', '.cache/eslint/', '.']],
  [
    'format',
    [
      'prettier',
      '--log-level',
      'warn',
      '--cache',
      '--cache-location',
      '.cache/prettier',
      '--check',
      '.',
    ],
  ],
  ['dead code', ['knip', '--no-progress']],
  ['generated files', ['node', 'cmd/generate/main.ts', '--check']],
]

function run(
  command: readonly string[],
  stdio: 'inherit' | 'pipe',
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command[0] ?? '', command.slice(1), {
      stdio: ['ignore', stdio, stdio],
      env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }) },
    })
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => resolve({ code: 1, output: error.message }))
    child.on('exit', (code) => resolve({ code: code ?? 1, output }))
  })
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly success: boolean
}

function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as Report
  } catch {
    return undefined
  }
}

mkdirSync('.cache', { recursive: true })
rmSync(report, { force: true })
let failedChecks = 0
for (const [name, command] of checks) {
  const start = performance.now()
  const { code, output } = await run(command, 'pipe')
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (code !== 0) {
    failedChecks += 1
    console.log(output.trimEnd())
  }
}

const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
const { code } = await run(['vitest', 'run', ...reporters, ...process.argv.slice(2)], 'inherit')
const counts = readReport()
if (failedChecks > 0) console.log(`${failedChecks} of ${checks.length} checks failed, see above`)
const failed = (counts?.numFailedTests ?? 1) + failedChecks
// A suite that dies outside of a test counts as one failure, or a red run would close on "0 failed".
const lost = failed === 0 && (code !== 0 || counts?.success !== true) ? 1 : 0
const skipped = (counts?.numPendingTests ?? 0) + (counts?.numTodoTests ?? 0)
console.log(`${counts?.numPassedTests ?? 0} passed, ${failed + lost} failed, ${skipped} skipped`)
process.exit(failed + lost > 0 ? 1 : 0)
