import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { check } from './report.ts'

interface Block {
  /** What follows `sh`: nothing, or whose job the block is. */
  readonly kind: string
  readonly commands: readonly string[]
}

/** The fenced blocks of shell commands of a page, in order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8')
  return [...text.matchAll(/^```sh ?(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, kind = '', commands = '']) => ({ kind, commands: commands.trimEnd().split('\n') }),
  )
}

/** The words after `#` at a command's end: its output has them all. */
export function promised(command: string): string[] {
  return / {2,}# (.*)$/.exec(command)?.[1]?.split(' ') ?? []
}

/** A shell that keeps its functions and variables from one command to the next. */
function openShell(): {
  readonly run: (command: string) => Promise<string>
  readonly close: () => void
} {
  const mark = '@@ done'
  const child = spawn('bash', ['-c', 'exec 2>&1; exec bash'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let text = ''
  let done: ((said: string) => void) | undefined
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    const end = text.indexOf(mark)
    if (end < 0) return
    const said = text.slice(0, end)
    text = ''
    done?.(said)
  })
  return {
    run: (command) =>
      new Promise((resolve) => {
        done = resolve
        // stdin is the script itself, which a command must not read on.
        child.stdin.write(`{ ${command}\n} </dev/null\necho '${mark}'\n`)
      }),
    close: () => child.stdin.end(),
  }
}

/**
 * Runs the commands of a page of one kind, each a check, as far as they do what the page says: the rest
 * counts on them. `leaveOut` are those that were done already. Gives whether all did.
 */
export async function followPage(
  page: string,
  options: { readonly kind?: string; readonly leaveOut?: RegExp } = {},
): Promise<boolean> {
  const { kind = '', leaveOut } = options
  const shell = openShell()
  try {
    const commands = blocksOf(page)
      .filter((block) => block.kind === kind)
      .flatMap((block) => block.commands)
      .filter((command) => leaveOut?.test(command) !== true)
    for (const command of commands) {
      const good = await check(command.replace(/ {2,}#.*$/, ''), async () => {
        const output = await shell.run(command)
        const lacking = promised(command).filter((word) => !output.includes(word))
        if (lacking.length > 0) {
          throw new Error(`the page promises ${lacking.join(' ')}, it said: ${output.slice(-2000)}`)
        }
      })
      if (!good) return false
    }
    return true
  } finally {
    shell.close()
  }
}
