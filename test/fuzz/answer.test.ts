import { expect, test } from 'vitest'
import { answerBytes, answerDifference, nodesOfAnswer, oursOfAnswer } from './http-answers.ts'
import { seededRandom } from './http-grammar.ts'

test('what we accept of 4,000 made and mutated answers, the client of node:http reads the same', async () => {
  const random = seededRandom(20_260_102)
  let accepted = 0
  for (let run = 0; run < 4_000; run++) {
    const bytes = answerBytes(random)
    const method = run % 6 === 0 ? 'HEAD' : 'GET'
    const mine = oursOfAnswer(bytes, method)
    if (mine === null) continue
    accepted++
    const found = answerDifference(mine, await nodesOfAnswer(bytes, method))
    if (found !== null) expect.fail(`${found}: ${JSON.stringify(bytes.toString('latin1'))}`)
  }
  expect(accepted).toBeGreaterThan(1_000)
})
