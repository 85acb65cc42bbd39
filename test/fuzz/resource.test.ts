import { expect, test } from 'vitest'
import { seededRandom } from './http-grammar.ts'
import { judgeText, mutateText, resourceTexts } from './resource-texts.ts'

test('the corpus and 2,000 mutated texts are read without a throw, every problem on a line', () => {
  const random = seededRandom(20_260_102)
  const texts = resourceTexts()
  const pick = () => texts[random(texts.length)] ?? ''
  for (const text of texts) expect(judgeText(text), text).toBeUndefined()
  for (let run = 0; run < 2_000; run++) {
    const text = mutateText(random, pick(), pick())
    expect(judgeText(text), text).toBeUndefined()
  }
})
