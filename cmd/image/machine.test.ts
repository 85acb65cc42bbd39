import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { stageNode } from './machine.ts'

test('Node.js is run by everybody and read by root alone, so that its processes are looked into by nobody', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-machine-'))
  try {
    writeFileSync(path.join(folder, 'node'), 'a program', { mode: 0o755 })
    stageNode(folder, path.join(folder, 'node'))
    const staged = path.join(folder, 'usr/bin/node')
    expect(statSync(staged).mode & 0o777).toBe(0o711)
    expect(readFileSync(staged, 'utf8')).toBe('a program')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('no signal opens the debugger of a process of the image', () => {
  expect(readFileSync('Dockerfile', 'utf8')).toMatch(/^ENV NODE_OPTIONS=--disable-sigusr1$/m)
  expect(process.allowedNodeEnvironmentFlags.has('--disable-sigusr1')).toBe(true)
})
