import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectionBytes, mutate, seededRandom } from './http-grammar.ts'
import { createNodeReader, difference, ours } from './http-readings.ts'

const corpus = join(import.meta.dirname, 'corpus', 'head')
const nodeReader = createNodeReader()

test.each(readdirSync(corpus))('node:http reads corpus file %s as we do', async (file) => {
  const mine = ours(readFileSync(join(corpus, file)))
  expect(difference(mine.readings, await nodeReader(mine.bytes))).toBeNull()
})

test('what we accept of 20,000 made and mutated connections, node:http reads the same', async () => {
  const random = seededRandom(20_260_101)
  let messages = 0
  for (let run = 0; run < 20_000; run++) {
    const bytes = connectionBytes(random)
    const mine = ours(run % 2 === 0 ? bytes : mutate(random, bytes))
    messages += mine.readings.length
    const found = difference(mine.readings, await nodeReader(mine.bytes))
    if (found !== null) expect.fail(`${found}: ${JSON.stringify(mine.bytes.toString('latin1'))}`)
  }
  expect(messages).toBeGreaterThan(5_000)
})
