/**
 * `node test/fuzz/answer.fuzz.ts [seconds] [seed]`: whatever answer of an upstream our parser accepts, the client of
 * node:http accepts and reads the same.
 */
import { answerBytes, answerDifference, nodesOfAnswer, oursOfAnswer } from './http-answers.ts'
import { seededRandom } from './http-grammar.ts'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const random = seededRandom(seed)
let runs = 0
let accepted = 0
const endMs = performance.now() + seconds * 1000
while (performance.now() < endMs) {
  runs++
  const bytes = answerBytes(random)
  const method = random(6) === 0 ? 'HEAD' : 'GET'
  const mine = oursOfAnswer(bytes, method)
  if (mine === null) continue
  accepted++
  const found = answerDifference(mine, await nodesOfAnswer(bytes, method))
  if (found === null) continue
  process.stdout.write(
    `${method}: ${found}\n${JSON.stringify(bytes.toString('latin1'))}\nseed ${seed}\n`,
  )
  process.exit(1)
}
process.stdout.write(`answer: ${runs} inputs, ${accepted} accepted, no difference (seed ${seed})\n`)
process.exit(0)
