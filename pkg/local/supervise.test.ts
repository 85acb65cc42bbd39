import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isRunning } from './process-id.ts'
import { restartDelayMs, supervise, type Supervised } from './supervise.ts'

function run(script: string): { supervised: Supervised; said: string[]; log: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-supervise-'))
  const said: string[] = []
  const logFile = join(folder, 'logs', 'child.log')
  const supervised = supervise(
    {
      name: 'child',
      command: [process.execPath, '-e', script],
      cwd: folder,
      env: {},
      logFile,
    },
    { say: (_name, message) => said.push(message), changed: () => undefined },
  )
  onTestFinished(async () => {
    await supervised.stop(100)
    rmSync(folder, { recursive: true })
  })
  supervised.start()
  return { supervised, said, log: () => readFileSync(logFile, 'utf8') }
}

const waits = { timeout: 10_000, interval: 10 }

test('one that is killed starts again, as another process', async () => {
  const { supervised, said } = run('setInterval(() => {}, 1000)')
  supervised.keepUp()
  const first = supervised.pid() ?? 0
  process.kill(first, 'SIGKILL')
  await vi.waitFor(() => {
    expect(supervised.pid()).toBeGreaterThan(0)
    expect(supervised.pid()).not.toBe(first)
  }, waits)
  expect(said).toEqual(['ended by SIGKILL; it starts again in 0.2 s'])
})

test('one that was asked to end stays down until it is started', async () => {
  const { supervised, said } = run('setInterval(() => {}, 1000)')
  supervised.keepUp()
  process.kill(supervised.pid() ?? 0, 'SIGTERM')
  await vi.waitFor(() => expect(supervised.pid()).toBeUndefined(), waits)
  expect(said).toEqual(['ended by SIGTERM; it stays down until SIGUSR2'])
  supervised.start()
  expect(supervised.pid()).toBeGreaterThan(0)
})

test('one that dies again and again is given more and more time', async () => {
  const { supervised, said } = run('process.exit(3)')
  supervised.keepUp()
  await vi.waitFor(() => expect(said.length).toBeGreaterThanOrEqual(3), waits)
  expect(said.slice(0, 3)).toEqual([
    'ended with exit code 3; it starts again in 0.2 s',
    'ended with exit code 3; it starts again in 0.4 s',
    'ended with exit code 3; it starts again in 0.8 s',
  ])
})

test('nothing waits longer than two seconds to start again', () => {
  expect([0, 1, 2, 3, 4, 5, 100].map(restartDelayMs)).toEqual([
    200, 400, 800, 1600, 2000, 2000, 2000,
  ])
})

test('one that dies while it is started says why, and is not started again', async () => {
  const { supervised, said } = run('console.error("no such port"); process.exit(64)')
  expect(await supervised.firstEnd).toBe('ended with exit code 64: no such port')
  expect(said).toEqual([])
})

test('a program that does not exist says so', async () => {
  const supervised = supervise(
    { name: 'x', command: ['/no/such/program'], cwd: '/', env: {}, logFile: '/dev/null/x' },
    { say: () => undefined, changed: () => undefined },
  )
  supervised.start()
  expect(await supervised.firstEnd).toContain('cannot be started: spawn /no/such/program ENOENT')
  await supervised.stop(10)
})

test('what ignores SIGTERM is cut after its grace, and what it started goes with it', async () => {
  const { supervised, log } = run(`
    process.on('SIGTERM', () => {})
    const { pid } = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    console.log('started ' + pid)
    setInterval(() => {}, 1000)`)
  await vi.waitFor(() => expect(log()).toMatch(/started \d+/), waits)
  const inner = Number(/started (\d+)/.exec(log())?.[1])
  await supervised.stop(50)
  expect(supervised.pid()).toBeUndefined()
  await vi.waitFor(() => expect(isRunning({ pid: inner })).toBe(false), waits)
})

test('its lines go to its log with the time; warnings of our own go to the terminal too', async () => {
  const line = { level: 'warn', time: 't', name: 'n', file: 'a.yaml', msg: 'a file is broken' }
  const { said, log } = run(`
    console.log('hello')
    console.error(${JSON.stringify(JSON.stringify(line))})
    setInterval(() => {}, 1000)`)
  await vi.waitFor(() => expect(said).toEqual(['a file is broken (file=a.yaml)']), waits)
  await vi.waitFor(() => expect(log()).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z hello$/m), waits)
})
