/** Start to ready, and from the edit of a policy to its enforcement. */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { freePort, measuredCore } from './processes.ts'
import { scope, type System } from './system.ts'

const agent = new http.Agent({ keepAlive: true })

function status(url: string, headers: http.OutgoingHttpHeaders = {}): Promise<number> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', () => resolve(0))
  })
}

async function until(
  url: string,
  wanted: number,
  headers?: http.OutgoingHttpHeaders,
): Promise<void> {
  const end = performance.now() + 10_000
  while ((await status(url, headers)) !== wanted) {
    if (performance.now() > end) throw new Error(`${url} never answered ${wanted}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Milliseconds from writing a policy to the first answer under it, both ways in turn. */
export async function editToEnforcement(system: System, edits: number): Promise<readonly number[]> {
  const url = `${system.workload('target').inbound}/things/1`
  const headers = { authorization: `Bearer ${system.token('edit')}` }
  await until(url, 200, headers)
  const samples: number[] = []
  for (let edit = 0; edit < edits; edit++) {
    const refuse = edit % 2 === 0
    const start = performance.now()
    system.writePolicy(refuse ? 'things:write' : scope)
    await until(url, refuse ? 403 : 200, headers)
    samples.push(performance.now() - start)
  }
  system.writePolicy(scope)
  await until(url, 200, headers)
  return samples
}

/** Milliseconds from spawning a sidecar that has its last state to its first "ready". */
export async function startToReady(system: System): Promise<number> {
  const running = readFileSync(`/proc/${system.pid('sidecar bench/target')}/cmdline`, 'utf8')
    .split('\0')
    .filter((word) => word !== '')
  const state = mkdtempSync(path.join(os.tmpdir(), 'tokenward-start-'))
  const [admin, inbound, outbound] = [await freePort(), await freePort(), await freePort()]
  const replaced: Readonly<Record<string, (old: string) => string>> = {
    '--admin-address': () => `127.0.0.1:${admin}`,
    '--inbound': (old) => `127.0.0.1:${inbound}=${old.split('=')[1] ?? ''}`,
    '--outbound-address': () => `127.0.0.1:${outbound}`,
    '--state-folder': (old) => {
      cpSync(old, state, { recursive: true })
      return state
    },
  }
  const command = running.map((word, index) => {
    const replace = replaced[running[index - 1] ?? '']
    return replace === undefined ? word : replace(word)
  })
  const start = performance.now()
  const child = spawn('taskset', ['-c', measuredCore, ...command], { stdio: 'ignore' })
  await until(`http://127.0.0.1:${admin}/readyz`, 200)
  const took = performance.now() - start
  await new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill('SIGTERM')
  })
  return took
}
