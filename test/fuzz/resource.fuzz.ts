/**
 * `node test/fuzz/resource.fuzz.ts [seconds] [seed]`: no text makes the resource parser throw or stall, and
 * every problem stands on a line of the text. A finding is printed, saved in the corpus, and ends the
 * run with 1.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from './http-grammar.ts'
import { judgeText, mutateText, resourceTexts } from './resource-texts.ts'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const random = seededRandom(seed)
const texts = resourceTexts()
let runs = 0

function judge(text: string): void {
  runs++
  let found: string | undefined
  try {
    found = judgeText(text)
  } catch (error) {
    found = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  if (found === undefined) return
  const corpus = join(import.meta.dirname, 'corpus', 'resource')
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16)
  mkdirSync(corpus, { recursive: true })
  writeFileSync(join(corpus, `found-${name}.yaml`), text)
  process.stdout.write(`${found}\n${JSON.stringify(text)}\nseed ${seed}\n`)
  process.exit(1)
}

const pick = () => texts[random(texts.length)] ?? ''
const endMs = performance.now() + seconds * 1000
for (const text of texts) judge(text)
while (performance.now() < endMs) judge(mutateText(random, pick(), pick()))
process.stdout.write(`resource: ${runs} texts, none threw (seed ${seed})\n`)
