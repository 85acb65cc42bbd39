import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

const known = ['serviceAccount', 'issuer', 'name', 'namespace', 'paths']

test.each([
  ['a letter lost', 'serviceAcount', 'serviceAccount'],
  ['a letter too many', 'issuers', 'issuer'],
  ['two letters swapped', 'namepsace', 'namespace'],
  ['a letter replaced', 'nane', 'name'],
  ['another case', 'serviceaccount', 'serviceAccount'],
  ['singular for plural', 'path', 'paths'],
  ['something else', 'when', undefined],
  ['nothing', '', undefined],
  ['far too long', 'name'.repeat(100), undefined],
])('%s', (_, name, meant) => {
  expect(nearest(name, known)).toBe(meant)
})

test('where several are as near, the first', () => {
  expect(nearest('cat', ['hat', 'bat'])).toBe('hat')
})
