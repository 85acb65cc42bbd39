import { ESLint } from 'eslint'
import { expect, test } from 'vitest'
import { judgeImport } from './room-rule.ts'
import { rooms } from './rooms.ts'

test.each([
  ['pkg/policy/compile.ts', 'pkg/proxy/inbound.ts', 'room "policy" may not import room "proxy"'],
  ['pkg/policy/compile.ts', 'pkg/api/types.ts', 'room "policy" may not import room "api"'],
  ['pkg/proxy/inbound.ts', 'pkg/policy/compile.ts', 'room "proxy" may import only path, match'],
  ['pkg/proxy/inbound.ts', 'pkg/pki/issue.ts', 'room "proxy" may import only read'],
  ['pkg/policy/compile.ts', 'node:fs', 'room "policy" is pure'],
  ['pkg/proxy/inbound.ts', 'undici', 'package "undici" belongs to room "issuers"'],
  ['pkg/proxy/inbound.ts', 'left-pad', 'package "left-pad" has no owning room'],
  ['pkg/helpers/index.ts', 'node:fs', 'room "helpers" has no row'],
  ['pkg/proxy/inbound.ts', 'cmd/sidecar/main.ts', 'a room may not import from "cmd"'],
  ['pkg/proxy/inbound.ts', 'test/support/x.ts', 'a room may not import from "test"'],
])('%s may not import %s', (file, target, message) => {
  expect(judgeImport(file, target, false)).toContain(message)
})

test.each([
  ['pkg/proxy/inbound.ts', 'pkg/policy/decide.ts', false],
  ['pkg/policy/compile.ts', 'pkg/api/types.ts', true],
  ['pkg/proxy/forward/a.ts', 'pkg/proxy/b.ts', false],
  ['pkg/proxy/forward/a.ts', 'pkg/http/http1/head.ts', false],
  ['cmd/sidecar/main.ts', 'pkg/proxy/run.ts', false],
  ['pkg/proxy/inbound.test.ts', 'test/support/x.ts', false],
  ['pkg/controller/keys.ts', 'pkg/pki/issue.ts', false],
])('%s may import %s', (file, target, typeOnly) => {
  expect(judgeImport(file, target, typeOnly)).toBeUndefined()
})

test('the arrows between rooms have no circle', () => {
  const done = new Set<string>()
  const visit = (room: string, path: readonly string[]): void => {
    expect(path, `circle: ${[...path, room].join(' -> ')}`).not.toContain(room)
    if (done.has(room)) return
    for (const next of rooms[room]?.imports ?? []) visit(next, [...path, room])
    done.add(room)
  }
  for (const room of Object.keys(rooms)) visit(room, [])
})

test('ESLint itself refuses the import of proxy from policy', async () => {
  const lint = async (code: string): Promise<string[]> => {
    const [result] = await new ESLint().lintText(code, { filePath: 'pkg/policy/compile.ts' })
    return (result?.messages ?? []).map(({ ruleId }) => ruleId ?? '')
  }
  expect(await lint("import '../proxy/inbound.ts'\n")).toContain('tokenward/rooms')
  expect(await lint("import '../refusal/refusal.ts'\n")).not.toContain('tokenward/rooms')
}, 60_000)
