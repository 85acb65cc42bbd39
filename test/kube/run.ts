/**
 * What is tested against a real API server. Ends with one line, `N passed, N failed, N skipped`; without
 * the programs with one that says what is missing.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { clusterBinaries, missingBinaries } from '../support/api-server.ts'

const report = '.cache/vitest-kube.json'

const missing = missingBinaries(clusterBinaries())
if (missing.length > 0) {
  console.error(
    `no ${missing.join(' and no ')} in ${clusterBinaries()}: build the cluster's programs`,
  )
  process.exit(1)
}

mkdirSync('.cache', { recursive: true })
rmSync(report, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const argv = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--config',
  'vitest.kube.config.ts',
  ...reporters,
  ...process.argv.slice(2),
]
const code = await new Promise<number>((resolve) => {
  const child = spawn(process.execPath, argv, { stdio: 'inherit' })
  child.on('error', () => resolve(1))
  child.on('exit', (exitCode) => resolve(exitCode ?? 1))
})

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly success: boolean
}
let counts: Report | undefined
try {
  counts = JSON.parse(readFileSync(report, 'utf8')) as Report
} catch {
  console.error('the runner left no report')
}
const failed = counts?.numFailedTests ?? 1
// A suite that dies outside of a test counts as one failure.
const lost = failed === 0 && (code !== 0 || counts?.success !== true) ? 1 : 0
const skipped = (counts?.numPendingTests ?? 0) + (counts?.numTodoTests ?? 0)
console.log(`${counts?.numPassedTests ?? 0} passed, ${failed + lost} failed, ${skipped} skipped`)
process.exit(failed + lost > 0 ? 1 : 0)
