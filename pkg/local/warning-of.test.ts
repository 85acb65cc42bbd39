import { expect, test } from 'vitest'
import { warningOf } from './warning-of.ts'

const line = (facts: object): string =>
  JSON.stringify({ level: 'warn', time: 't', name: 'controller', ...facts })

test.each([
  [
    'a warning is its message and its facts',
    { msg: 'it is late', seconds: 3 },
    'it is late (seconds=3)',
  ],
  [
    'a problem of a file begins with its place',
    {
      msg: 'a file is broken',
      file: 'a.yaml',
      line: 3,
      column: 7,
      message: 'is not known',
      path: '',
    },
    'a.yaml:3:7: a file is broken (message=is not known)',
  ],
  [
    'an error tells its cause and not where in our code it was',
    { level: 'error', msg: 'gone', err: { message: 'no route', stack: 'at x' } },
    'gone (cause=no route)',
  ],
])('%s', (_name, facts, words) => {
  expect(warningOf(line(facts))).toBe(words)
})

test.each([
  ['an information', line({ level: 'info', msg: 'x' })],
  ['a line of an app', 'Error: "level":"warn"'],
  ['half a line', '{"level":"warn","msg":"x'],
])('%s stays in the log', (_name, text) => {
  expect(warningOf(text)).toBeUndefined()
})
