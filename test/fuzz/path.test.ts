import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contradiction } from './path-readers.ts'

const folder = new URL('corpus/path/', import.meta.url)

describe('every kept path is read the same by all readers, or refused', () => {
  it.each(readdirSync(folder))('%s', (name) => {
    expect(contradiction(readFileSync(new URL(name, folder), 'latin1'))).toBeUndefined()
  })
})
