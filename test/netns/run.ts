/**
 * Redirected connections on a real kernel: `node test/netns/run.ts`. Needs Linux, root, iproute2 and iptables;
 * each file runs in a network namespace of its own, with a peer in another. The bundles of dist/ are run.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { closeNetwork, openNetwork } from './network.ts'

const folder = import.meta.dirname
const files = readdirSync(folder).filter((name) => name.endsWith('.netns.ts'))

/** Why the tests cannot run here. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'they need root'
  const missing = ['ip', 'nsenter', 'iptables-nft-save', 'iptables-legacy-save'].find(
    (program) => spawnSync(program, ['--version']).error !== undefined,
  )
  return missing === undefined ? undefined : `there is no program ${missing}`
}

const totals = { passed: 0, failed: 0, skipped: 0 }
const reason = obstacle()
if (reason === undefined) for (const file of files) runFile(file)
else {
  console.log(`skipped: ${reason}`)
  totals.skipped = files.length
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exitCode = totals.failed > 0 ? 1 : 0

function runFile(file: string): void {
  console.log(`== ${file}`)
  const network = openNetwork(file.replace('.netns.ts', ''))
  try {
    const child = spawnSync(
      'ip',
      ['netns', 'exec', network.pod, process.execPath, path.join(folder, file)],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, TOKENWARD_NETNS_PEER: network.peer },
        timeout: 240_000,
      },
    )
    process.stdout.write(child.stdout)
    totals.passed += child.stdout.match(/^ok /gm)?.length ?? 0
    totals.failed += child.stdout.match(/^FAILED /gm)?.length ?? 0
    if (!child.stdout.includes('\nended\n')) {
      console.log(`FAILED ${file} did not run to its end`)
      totals.failed += 1
    }
  } finally {
    closeNetwork(network)
  }
}
