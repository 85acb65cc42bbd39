import { expect, test } from 'vitest'
import { createRandomBits } from './random.ts'
import {
  isTraceparent,
  joinTracestate,
  plainTraceparent,
  splitTracestate,
  traceIdOf,
} from './trace.ts'

const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test.each([
  ['ours alone', 'tokenward=h', { rest: '', handles: ['h'] }],
  ['ours among others', 'a=1, tokenward=h ,b=2', { rest: 'a=1,b=2', handles: ['h'] }],
  ['ours twice', 'tokenward=h,a=1,tokenward=i', { rest: 'a=1', handles: ['h', 'i'] }],
  ['ours in another case', 'TokenWard=h', { rest: '', handles: ['h'] }],
  ['ours without a value', 'tokenward,a=1', { rest: 'a=1', handles: [''] }],
  ['ours with spaces', ' tokenward = h', { rest: '', handles: ['h'] }],
  ['a key that begins like ours', 'tokenwarden=h', { rest: 'tokenwarden=h', handles: [] }],
  ['a value like ours', 'a=tokenward', { rest: 'a=tokenward', handles: [] }],
  ['nothing of ours', 'a=1,b=2', { rest: 'a=1,b=2', handles: [] }],
  ['nothing', '', { rest: '', handles: [] }],
])('tracestate with %s is split', (_, value, split) => {
  expect(splitTracestate(value)).toEqual(split)
})

test('the handle stands first and the list stays within 32 members', () => {
  expect(joinTracestate('h', '')).toBe('tokenward=h')
  expect(joinTracestate('h', 'a=1,b=2')).toBe('tokenward=h,a=1,b=2')
  const rest = Array.from({ length: 32 }, (_, at) => `k${at}=v`)
  const joined = joinTracestate('h', rest.join(',')).split(',')
  expect(joined).toEqual(['tokenward=h', ...rest.slice(0, 31)])
  expect(joinTracestate('h', rest.slice(1).join(',')).split(',')).toHaveLength(32)
})

// Whoever calls must not be able to part the app from its handle.
test.each([
  ['a key in upper case', 'A=1,b=2', 'b=2'],
  ['a key with a space', 'a b=1,b=2', 'b=2'],
  ['a key that begins with a digit', '1a=1,b=2', 'b=2'],
  ['a member without a value', 'a,b=2,c=', 'b=2'],
  ['a second equals sign', 'a=1=1,b=2', 'b=2'],
  ['a byte that is not ASCII', 'a=\u00e9,b=2', 'b=2'],
  ['a tab in a value', 'a=1\t1,b=2', 'b=2'],
  ['one key twice', 'a=1,b=2,a=3', 'a=1,b=2'],
  ['empty members', ',, ,a=1,,', 'a=1'],
  ['a value of 257 characters', `a=${'x'.repeat(257)},b=2`, 'b=2'],
  [
    'more than 512 characters',
    `a=${'x'.repeat(250)},b=${'y'.repeat(256)},c=3`,
    `a=${'x'.repeat(250)},c=3`,
  ],
])('of a tracestate with %s the rest stays behind the handle', (_, rest, left) => {
  expect(joinTracestate('h', rest)).toBe(`tokenward=h,${left}`)
})

test.each([
  ['tenants', '1a@sys=1,fw529a3039@dt=x'],
  ['punctuation', 'a_b-c*d/e=!x y~'],
  ['as much as there may be', `a=${'x'.repeat(256)},b=${'y'.repeat(237)}`],
])('a tracestate with %s is kept as it came', (_, rest) => {
  expect(joinTracestate('h', rest)).toBe(`tokenward=h,${rest}`)
  expect(joinTracestate('h', rest).length).toBeLessThanOrEqual(512)
})

test.each([
  ['not sampled', '00', '00'],
  ['sampled', '01', '01'],
  ['random and sampled', '03', '01'],
  ['flags nobody knows', 'fe', '00'],
])('a traceparent that is %s goes on in the form that all read', (_, flags, left) => {
  const parent = valid.slice(0, 53)
  expect(plainTraceparent(parent + flags)).toBe(parent + left)
  expect(plainTraceparent(`cc${parent.slice(2)}${flags}-more`)).toBe(parent + left)
})

test.each([
  ['a valid one', valid, true],
  ['a later version', valid.replace(/^00/, '01'), true],
  ['a later version with more', `${valid.replace(/^00/, '01')}-more`, true],
  ['version 00 with more', `${valid}-more`, false],
  ['version ff', valid.replace(/^00/, 'ff'), false],
  ['upper case', valid.toUpperCase(), false],
  ['a zero trace id', valid.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)), false],
  ['a zero parent id', valid.replace('00f067aa0ba902b7', '0'.repeat(16)), false],
  ['another separator', valid.replace('-00f', '_00f'), false],
  ['nothing', '', false],
])('traceparent: %s', (_, value, is) => {
  expect(isTraceparent(value)).toBe(is)
  expect(traceIdOf(value) !== undefined).toBe(is)
})

test('what is made is valid, and never the same twice', () => {
  const random = createRandomBits()
  const made = Array.from({ length: 1_000 }, () => random.traceparent())
  expect(made.every(isTraceparent)).toBe(true)
  expect(new Set(made.map((one) => one.slice(3, 35))).size).toBe(1_000)
})
