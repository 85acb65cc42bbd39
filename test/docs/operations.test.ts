import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocal, type LocalSystem } from '../../pkg/local/start.ts'
import { exitCodes } from '../../pkg/refusal/exit-codes.ts'
import { copyShop, type OnOwnPorts } from '../support/shop-copy.ts'
import { until } from '../support/until.ts'

const page = readFileSync('docs/operations.md', 'utf8')

/** The cells of the first table under a heading, its head left out. */
function tableUnder(heading: string): string[][] {
  const after = page.slice(page.indexOf(`\n## ${heading}\n`) + 1)
  const [, rows = ''] = /^\|.*\n\| ---.*\n((?:\|.*\n)+)/m.exec(after) ?? []
  return rows
    .trimEnd()
    .split('\n')
    .map((row) => row.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
}

const words = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)

test('the exit codes of the page are those of the code', () => {
  const named = tableUnder('Exit codes').flatMap(([code, name]) =>
    words(name).map((word) => [word, Number(code)]),
  )
  expect(Object.fromEntries(named)).toEqual(exitCodes)
})

describe('a running system', () => {
  let root: string
  let system: LocalSystem
  let onOwnPorts: OnOwnPorts
  const state = (): string => path.join(root, 'state')
  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'tokenward-operations-'))
    onOwnPorts = await copyShop(path.join(root, 'shop'))
    system = await startLocal({
      folder: path.join(root, 'shop'),
      stateFolder: state(),
      program: (name) => [process.execPath, path.resolve(`cmd/${name}/main.ts`)],
      env: { PATH: path.dirname(process.execPath) },
      say: () => undefined,
      nowMs: Date.now,
      random: Math.random,
      signal: AbortSignal.timeout(60_000),
    })
    // One refusal by a sidecar; the authority grants one token, or refuses one.
    await fetch(onOwnPorts('http://127.0.0.1:7080/purchases/1'))
    await fetch(onOwnPorts('http://127.0.0.1:7080/bestsellers'))
  }, 60_000)
  afterAll(async () => {
    await system.stop()
    rmSync(root, { recursive: true })
  }, 30_000)

  test.each(['controller', 'authority', 'sidecar'])(
    'the metrics of the %s are those of the page',
    async (name) => {
      const { ports, workloads } = system.record
      const port = ports[`${name} admin`]
      const admin = port === undefined ? workloads[0]?.admin : `http://127.0.0.1:${port}`
      const text = await (await fetch(`${admin}/metrics`)).text()
      const shown = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, metric]) => metric)
      const rows = tableUnder('Metrics').filter(([process]) => process === name)
      expect(rows.flatMap(([, metric]) => words(metric)).sort()).toEqual(shown.sort())
      for (const [, metric, labels] of rows) {
        const [series = ''] = words(metric)
        const found = new RegExp(`^${series}\\{([^}]*)\\}`, 'm').exec(text)?.[1]
        const names = [...(found ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label)
        if (found !== undefined && !found.includes('le=')) expect(words(labels)).toEqual(names)
      }
    },
  )

  test('every file of the state folder is in the table, and what is secret is for its owner alone', async () => {
    const rows = tableUnder('The state folder').flatMap(([names, , secret]) =>
      words(names).map((glob) => ({ glob, secret: secret === 'yes' })),
    )
    const files = (): string[] =>
      readdirSync(state(), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
        .map((entry) => path.relative(state(), path.join(entry.parentPath, entry.name)))
    const covering = (file: string) => rows.find(({ glob }) => path.matchesGlob(file, glob))
    await until('every row has its file', () =>
      rows.every(({ glob }) => files().some((file) => path.matchesGlob(file, glob))),
    )
    expect(statSync(state()).mode & 0o777).toBe(0o700)
    for (const file of files()) {
      expect([file, covering(file)?.glob]).not.toContain(undefined)
      if (covering(file)?.secret !== true) continue
      expect([file, statSync(path.join(state(), file)).mode & 0o077]).toEqual([file, 0])
    }
  })

  test('the fields of audit lines are those of the page', async () => {
    const fieldsOf = (by: string): Set<string> =>
      new Set([
        'audit',
        ...tableUnder('Logs and audit lines')
          .filter(([, whose]) => whose === by || whose === 'both')
          .flatMap(([names]) => words(names)),
      ])
    const auditsIn = (log: string): Record<string, unknown>[] =>
      readFileSync(path.join(state(), 'logs', log), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{"audit":true'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const [log, by] of [
      ['sidecar.shop.web.log', 'sidecar'],
      ['authority.log', 'authority'],
    ] as const) {
      await until(`${by} wrote a line`, () => auditsIn(log).length > 0)
      const known = fieldsOf(by)
      for (const line of auditsIn(log)) {
        expect(Object.keys(line).filter((field) => !known.has(field))).toEqual([])
      }
    }
  })

  test('every log line that the page quotes is one that the code writes', () => {
    const section = page.slice(page.indexOf('\n## When something is away\n'))
    const quoted = [...section.matchAll(/log `([^`]+)`/g)].map(([, message = '']) => message)
    const sources = readdirSync('pkg', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(path.join('pkg', name), 'utf8'))
    expect(quoted.length).toBeGreaterThan(5)
    for (const message of quoted) {
      expect([message, sources.some((source) => source.includes(`'${message}'`))]).toEqual([
        message,
        true,
      ])
    }
  })
})
