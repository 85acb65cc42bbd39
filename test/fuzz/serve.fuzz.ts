/**
 * `node test/fuzz/serve.fuzz.ts [seconds] [seed]`: bytes in random pieces over TLS to the authority's server. It must
 * hand on exactly the requests that the parser reads, answer each in order so that node:http reads it, and close.
 */
import { connectionBytes, mutate, seededRandom } from './http-grammar.ts'
import { startServeJudge } from './serve-readings.ts'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const random = seededRandom(seed)
const served = await startServeJudge()
let runs = 0
const endMs = performance.now() + seconds * 1000
while (performance.now() < endMs) {
  const made = connectionBytes(random)
  const bytes = random(2) === 0 ? mutate(random, made) : made
  runs++
  const found = await served.judge(bytes, random)
  if (found === null) continue
  process.stdout.write(`${found}\n${JSON.stringify(bytes.toString('latin1'))}\nseed ${seed}\n`)
  process.exit(1)
}
process.stdout.write(
  `serve: ${runs} connections, ${served.handed()} requests handed on as read (seed ${seed})\n`,
)
process.exit(0)
