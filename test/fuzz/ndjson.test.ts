import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contradiction } from './ndjson-readers.ts'

const folder = new URL('corpus/ndjson/', import.meta.url)

describe('every kept stream is read as it should be, however it is cut', () => {
  it.each(readdirSync(folder))('%s', (name) => {
    const bytes = readFileSync(new URL(name, folder))
    for (let cut = 0; cut <= Math.min(bytes.length, 200); cut += 1) {
      expect(contradiction(bytes, [cut, cut + 1, cut * 7])).toBeUndefined()
    }
  })
})
