import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { blocksOf, promised } from '../e2e/page.ts'

const page = 'docs/quick-start-kubernetes.md'
const blocks = blocksOf(page)

test('every command of the page is run by make e2e, but those that make the cluster', () => {
  const fences = readFileSync(page, 'utf8').match(/^```\w/gm) ?? []
  expect(blocks).toHaveLength(fences.length)
  expect(new Set(blocks.map(({ kind }) => kind))).toEqual(new Set(['', 'terminal', 'cleanup']))
  const beside = blocks
    .filter(({ kind }) => kind === 'terminal')
    .flatMap(({ commands }) => commands)
  expect(beside.join('\n')).toMatch(/^make cluster\n.*\nnode test\/cluster\/main\.ts exec bash$/)
})

test('every command that says something promises words of it', () => {
  const silent = blocks
    .filter(({ kind }) => kind !== 'terminal')
    .flatMap(({ commands }) => commands)
    .filter((command) => promised(command).length === 0)
  for (const command of silent) {
    expect(command).toMatch(/^(visit\(\)|sleep |node test\/cluster\/main\.ts load )/)
  }
})

test('words after two spaces and a # are a promise, and no others', () => {
  expect(promised('visit GET http://web.shop/   # 401 no_token')).toEqual(['401', 'no_token'])
  expect(promised('visit POST http://web.shop/ \'{"item": "#1"}\'')).toEqual([])
})
