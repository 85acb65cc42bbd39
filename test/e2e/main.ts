/**
 * `make e2e`: the product on a real Kubernetes, the one of KUBECONFIG or a node of our own, with real
 * calls between pods. KEEP=1 leaves everything running.
 */
import { spawn } from 'node:child_process'
import { down, up } from '../cluster/cluster.ts'
import { environment } from '../cluster/places.ts'
import { inside } from '../cluster/run.ts'

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const started = performance.now()
const say = (text: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`cluster ${seconds.padStart(6)} s  ${text}`)
}

/** Runs run.ts and gives its counts; one that dies has failed once more. */
function run(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Counts> {
  const [program = '', ...rest] = words
  const child = spawn(program, rest, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  child.on('message', (message) => (counts = message as Counts))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => child.kill(signal))
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      const lost = code !== 0 && counts.failed === 0 ? 1 : 0
      resolve({ ...counts, failed: counts.failed + lost })
    })
  })
}

const program = [process.execPath, 'test/e2e/run.ts']
const own = (process.env['KUBECONFIG'] ?? '') === ''
let counts: Counts = { passed: 0, failed: 1, skipped: 0 }
try {
  if (own) {
    console.log('== a cluster of our own')
    // What an earlier run left is no part of this one.
    await down()
    await up(say)
    counts = await run(inside(program), environment())
  } else {
    counts = await run(program, process.env)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
} finally {
  if (own && (process.env['KEEP'] ?? '') === '') {
    await down()
    say('taken away')
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed === 0 ? 0 : 1
