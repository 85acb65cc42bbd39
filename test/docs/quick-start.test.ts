import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readLocal } from '../../pkg/local/read-local.ts'
import { copyShop, type OnOwnPorts } from '../support/shop-copy.ts'

const page = readFileSync('docs/quick-start.md', 'utf8')

/** The fenced blocks of shell commands, in order; `terminal` ones run beside the rest. */
function blocksOf(text: string): { readonly terminal: boolean; readonly commands: string[] }[] {
  return [...text.matchAll(/^```sh( terminal)?\n([\s\S]*?)^```$/gm)].map(
    ([, terminal, commands = '']) => ({
      terminal: terminal !== undefined,
      commands: commands.trimEnd().split('\n'),
    }),
  )
}

/** A folder that looks like a fresh clone, so that the page may edit its examples. */
async function makeClone(): Promise<{ clone: string; onOwnPorts: OnOwnPorts }> {
  const clone = mkdtempSync(join(tmpdir(), 'tokenward-quick-start-'))
  onTestFinished(() => rmSync(clone, { recursive: true, force: true }))
  for (const name of ['bin', 'Makefile', 'package-lock.json', 'node_modules']) {
    symlinkSync(join(process.cwd(), name), join(clone, name))
  }
  const onOwnPorts = await copyShop(join(clone, 'examples', 'shop'))
  return { clone, onOwnPorts }
}

function untilPrinted(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const take = (chunk: Buffer): void => {
      text += chunk.toString()
      if (text.includes(words)) resolve()
    }
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${text}`)))
  })
}

const says = 'every command of the quick start does what the page says'
const hasCurl = spawnSync('curl', ['--version']).status === 0

test.skipIf(!hasCurl)(says, { timeout: 90_000 }, async () => {
  const { clone, onOwnPorts } = await makeClone()
  const blocks = blocksOf(page)
  const beside = blocks.filter(({ terminal }) => terminal).flatMap(({ commands }) => commands)
  expect(beside).toEqual(['tokenward local examples/shop'])
  const start = blocks.findIndex(({ terminal }) => terminal)

  const run = (commands: readonly string[]): void => {
    const script = commands
      .map((command, index) => `echo '@@ ${index}'\n${onOwnPorts(command)}`)
      .join('\n')
    const { stdout } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], {
      cwd: clone,
      encoding: 'utf8',
    })
    const outputs = stdout.split(/@@ \d+\n/).slice(1)
    for (const [index, command] of commands.entries()) {
      const said = / # (.*)$/.exec(command)?.[1]?.split(' ') ?? []
      for (const word of said) expect(outputs[index], command).toContain(word)
    }
    expect(outputs.length).toBe(commands.length)
  }

  run(blocks.slice(0, start).flatMap(({ commands }) => commands))
  const local = spawn('bash', ['-c', `exec bin/${beside.join('')}`], { cwd: clone })
  const ended = new Promise((resolve) => local.once('exit', resolve))
  onTestFinished(async () => {
    local.kill('SIGTERM')
    await ended
  })
  await untilPrinted(local, 'Ctrl+C ends them')
  run(blocks.slice(start + 1).flatMap(({ commands }) => commands))
})

test('the local.yaml of the page is accepted', () => {
  const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? []
  expect(readLocal(yaml)).toHaveProperty('file')
})
