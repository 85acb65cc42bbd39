import { expect, test } from 'vitest'
import { seededRandom } from './http-grammar.ts'
import { firstBytes, sniffProblem } from './sniff-readings.ts'

test('of 20,000 first bytes, what the engine can read is told to be HTTP, and no later byte changes it', () => {
  const random = seededRandom(20_260_104)
  for (let run = 0; run < 20_000; run++) {
    const bytes = firstBytes(random)
    const found = sniffProblem(bytes, random)
    if (found !== null) expect.fail(`${found}: ${JSON.stringify(bytes.toString('latin1'))}`)
  }
})
