import { expect, test } from 'vitest'
import { findCircles, readImports } from './import-circles.ts'

test.each([
  ['a file of itself', { a: ['a'] }, [['a']]],
  ['two of each other', { a: ['b'], b: ['a'] }, [['a', 'b']]],
  ['three behind a door', { door: ['a'], a: ['b'], b: ['c'], c: ['a'] }, [['a', 'b', 'c']]],
  ['none where two ways meet', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, []],
])('a circle is found: %s', (_, imports, circles) => {
  expect(findCircles(new Map(Object.entries(imports)))).toEqual(circles)
})

test('the files of pkg import each other in no circle', () => {
  const imports = readImports('pkg')
  expect(imports.get('pkg/policy/decide.ts')).toContain('pkg/policy/match.ts')
  expect(findCircles(imports)).toEqual([])
})
