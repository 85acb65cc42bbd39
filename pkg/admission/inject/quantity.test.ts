import { describe, expect, test } from 'vitest'
import { parseCpu, parseMemory } from './quantity.ts'

describe('CPU, as the API server writes it', () => {
  test.each([
    ['100m', '100m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['2', '2'],
    ['0.5', '500m'],
    ['0.001', '1m'],
    ['1.25', '1250m'],
  ])('%s is %s', (text, written) => {
    expect(parseCpu(text)?.text).toBe(written)
  })

  test.each(['', '0', '0m', '-1', '1e3', '0.0001', '1,5', '100M', 'm', ' 1', '1001'])(
    '%j is none',
    (text) => {
      expect(parseCpu(text)).toBeUndefined()
    },
  )
})

describe('memory, as the API server writes it', () => {
  test.each([
    ['64Mi', '64Mi'],
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['100M', '100M'],
    ['1000M', '1G'],
    ['134217728', '134217728'],
    ['128000', '128k'],
  ])('%s is %s', (text, written) => {
    expect(parseMemory(text)?.text).toBe(written)
  })

  test.each(['', '0', '1', '64', '64MB', '64mi', '1.5Gi', '-64Mi', '64 Mi', '2000Gi', '1e9'])(
    '%j is none',
    (text) => {
      expect(parseMemory(text)).toBeUndefined()
    },
  )
})
