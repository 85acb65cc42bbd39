import { afterAll, expect, test } from 'vitest'
import { connectionBytes, mutate, seededRandom } from './http-grammar.ts'
import { startServeJudge } from './serve-readings.ts'

const served = await startServeJudge()
afterAll(() => served.close())

test('of 300 made and mutated connections the server hands on and answers what the parser reads', async () => {
  const random = seededRandom(20_260_103)
  for (let run = 0; run < 300; run++) {
    const made = connectionBytes(random)
    const bytes = run % 2 === 0 ? made : mutate(random, made)
    const found = await served.judge(bytes, random)
    if (found !== null) expect.fail(`${found}: ${JSON.stringify(bytes.toString('latin1'))}`)
  }
  expect(served.handed()).toBeGreaterThan(100)
})
