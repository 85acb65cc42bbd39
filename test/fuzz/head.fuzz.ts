/**
 * `node test/fuzz/head.fuzz.ts [seconds] [seed]`: whatever our parser accepts, node:http accepts and reads the
 * same. Starts from the kept corpus; a finding is printed, saved beside it, and ends the run with 1.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { connectionBytes, mutate, seededRandom } from './http-grammar.ts'
import { createNodeReader, difference, ours } from './http-readings.ts'

const corpus = join(import.meta.dirname, 'corpus', 'head')
const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const random = seededRandom(seed)
const nodeReader = createNodeReader()
const kept = readdirSync(corpus).map((file) => readFileSync(join(corpus, file)))
let runs = 0
let accepted = 0

async function judge(bytes: Buffer): Promise<void> {
  runs++
  const mine = ours(bytes)
  if (mine.readings.length === 0) return
  accepted++
  const found = difference(mine.readings, await nodeReader(mine.bytes))
  if (found === null) return
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  mkdirSync(corpus, { recursive: true })
  writeFileSync(join(corpus, `found-${name}.txt`), bytes)
  process.stdout.write(`${found}\n${JSON.stringify(bytes.toString('latin1'))}\nseed ${seed}\n`)
  process.exit(1)
}

const endMs = performance.now() + seconds * 1000
for (const bytes of kept) await judge(bytes)
while (performance.now() < endMs) {
  const fromCorpus = kept.length > 0 && random(4) === 0
  const bytes = fromCorpus
    ? (kept[random(kept.length)] ?? Buffer.alloc(0))
    : connectionBytes(random)
  await judge(fromCorpus || random(2) === 0 ? mutate(random, bytes) : bytes)
}
process.stdout.write(
  `head: ${runs} inputs, ${accepted} accepted in part, no difference (seed ${seed})\n`,
)
process.exit(0)
