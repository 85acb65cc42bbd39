import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createAudit } from './audit.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'

test('a log line is one line of JSON with facts, level and message', () => {
  const lines: string[] = []
  createLog({ name: 'x', level: 'info', write: (line) => lines.push(line) }).info(
    { port: 80 },
    'up',
  )
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    name: 'x',
    level: 'info',
    port: 80,
    msg: 'up',
  })
})

test('an error is logged with its causes and without what it carries besides', () => {
  const lines: string[] = []
  const log = createLog({ name: 'x', level: 'info', write: (line) => lines.push(line) })
  const inner = Object.assign(new Error('inner'), { code: 'ECONNRESET', token: 'secret-token' })
  log.error({ err: new Error('outer', { cause: inner }) }, 'failed')
  expect(lines[0]).not.toContain('secret-token')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    err: { message: 'outer', cause: { message: 'inner', code: 'ECONNRESET' } },
  })
})

test('below its level nothing is written', () => {
  const lines: string[] = []
  createLog({ name: 'x', level: 'warn', write: (line) => lines.push(line) }).info({}, 'quiet')
  expect(lines).toEqual([])
})

test('a gauge is collected at the scrape', async () => {
  const metrics = createMetrics()
  metrics.gauge({ name: 'age_seconds', help: 'Age.', collect: (gauge) => gauge.set(7) })
  metrics.counter('calls_total', 'Calls.', ['kind']).inc({ kind: 'a' })
  const text = await metrics.text()
  expect(text).toContain('age_seconds 7')
  expect(text).toContain('calls_total{kind="a"} 1')
})

test('an audit line has its time and leaves out what is not known', () => {
  const lines: string[] = []
  createAudit({ write: (line) => lines.push(line), now: () => new Date(0) })({
    reason: 'no_rule',
    actors: ['a'],
    rule: undefined,
  })
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    audit: true,
    time: '1970-01-01T00:00:00.000Z',
    reason: 'no_rule',
    actors: ['a'],
  })
})

test('a full disk or a reader that has gone loses lines and nothing else', () => {
  const script = `
    const { createLog } = await import(${JSON.stringify(import.meta.resolve('./log.ts'))})
    const { createAudit } = await import(${JSON.stringify(import.meta.resolve('./audit.ts'))})
    const log = createLog({ name: 'x', level: 'info' })
    for (let i = 0; i < 3000; i += 1) log.info({ text: 'x'.repeat(1000) }, 'not written')
    createAudit({})({ reason: 'no_rule' })
    setTimeout(() => console.error('lives'), 50)
  `
  const full = openSync('/dev/full', 'w')
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  expect([ended.status, ended.stderr]).toEqual([0, 'lives\n'])
})
