/**
 * `node test/fuzz/sniff.fuzz.ts [seconds] [seed]`: what the engine can read is told to be HTTP, in time, and what is
 * told of a connection stays so.
 */
import { seededRandom } from './http-grammar.ts'
import { firstBytes, sniffProblem } from './sniff-readings.ts'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const random = seededRandom(seed)
let runs = 0
const endMs = performance.now() + seconds * 1000
while (performance.now() < endMs) {
  const bytes = firstBytes(random)
  runs++
  const found = sniffProblem(bytes, random)
  if (found === null) continue
  process.stdout.write(`${found}\n${JSON.stringify(bytes.toString('latin1'))}\nseed ${seed}\n`)
  process.exit(1)
}
process.stdout.write(`sniff: ${runs} inputs, each told in one way (seed ${seed})\n`)
