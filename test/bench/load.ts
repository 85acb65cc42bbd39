/** One run of wrk against one listener, and what it cost the processes behind it. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { cpuSeconds, loadCore } from './processes.ts'

export interface Load {
  readonly port: number
  /** Path, or an absolute URL towards a forward proxy. */
  readonly target: string
  readonly host?: string
  /** Sent in turn, one a request; empty: none. */
  readonly tokens: readonly string[]
  /** Forms that are posted over TLS, in turn; absent: a GET in the clear. */
  readonly forms?: readonly string[]
  /** Status that every answer must have. */
  readonly expect: number
  readonly seconds: number
  readonly connections: number
}

function script(load: Load): string {
  const tokens = load.tokens.map((token) => `"Bearer ${token}"`).join(',')
  const forms = (load.forms ?? []).map((form) => `"${form}"`).join(',')
  const host = load.host === undefined ? '' : `headers["Host"] = "${load.host}"`
  return `
local tokens = {${tokens}}
local forms = {${forms}}
local n = 0
wrong = 0
local all = {}
function setup(thread) table.insert(all, thread) end
function request()
  local headers = {}
  ${host}
  if #tokens > 0 then
    n = n % #tokens + 1
    headers["Authorization"] = tokens[n]
  end
  if #forms > 0 then
    n = n % #forms + 1
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return wrk.format("POST", "${load.target}", headers, forms[n])
  end
  return wrk.format("GET", "${load.target}", headers)
end
function response(status)
  if status ~= ${load.expect} then wrong = wrong + 1 end
end
function done(summary)
  local bad = 0
  for _, thread in ipairs(all) do bad = bad + thread:get("wrong") end
  io.write(string.format('RESULT {"requests":%d,"wrong":%d,"errors":%d}\\n',
    summary.requests, bad,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
`
}

interface Result {
  readonly requests: number
  readonly wrong: number
  readonly errors: number
}

function wrk(load: Load, folder: string): Promise<Result> {
  const file = path.join(folder, 'load.lua')
  writeFileSync(file, script(load), { mode: 0o600 })
  const child = spawn(
    'taskset',
    [
      '-c',
      loadCore,
      'wrk',
      '-t1',
      `-c${load.connections}`,
      `-d${load.seconds}s`,
      '-s',
      file,
      `${load.forms === undefined ? 'http' : 'https'}://127.0.0.1:${load.port}/`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      const line = /^RESULT (.*)$/m.exec(output)?.[1]
      if (line === undefined) reject(new Error(`wrk gave no result: ${output}`))
      else resolve(JSON.parse(line) as Result)
    })
  })
}

/**
 * Drives the load and gives its cost: microseconds of CPU per request, all measured processes together.
 * Throws when any answer was not the expected one.
 */
export async function measure(
  load: Load,
  pids: readonly number[],
  folder: string,
): Promise<number> {
  const before = pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const result = await wrk(load, folder)
  const used = pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0) - before
  if (result.wrong > 0 || result.errors > 0 || result.requests === 0) {
    throw new Error(
      `${load.target}: ${result.wrong} answers were not ${load.expect}, ${result.errors} errors of ${result.requests}`,
    )
  }
  return (used / result.requests) * 1e6
}
