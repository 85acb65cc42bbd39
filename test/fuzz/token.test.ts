import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contradiction } from './token-readers.ts'

const folder = new URL('corpus/token/', import.meta.url)

describe('every kept token is read as jose reads it, or refused', () => {
  it.each(readdirSync(folder))('%s', (name) => {
    expect(contradiction(readFileSync(new URL(name, folder), 'utf8'))).toBeUndefined()
  })
})
