import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { keys } from '../../pkg/admission/inject/keys.ts'
import { containerNames, written } from '../../pkg/admission/inject/names.ts'

const page = readFileSync('docs/pods.md', 'utf8')

test('every annotation that is read or written is explained, and no other', () => {
  const explained = new Set(page.match(/tokenward\.dev\/[a-z-]+/g))
  explained.delete('tokenward.dev/inject')
  expect([...explained].sort()).toEqual([...Object.values(keys), ...Object.values(written)].sort())
})

test('the containers that a pod gets are named', () => {
  for (const name of containerNames) expect(page).toContain(`\`${name}\``)
})
