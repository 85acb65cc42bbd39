import { spawn } from 'node:child_process'

/** Runs kubectl to its end and gives what it printed; rejects with its own words when it fails. */
export function kubectl(words: readonly string[], input = ''): Promise<string> {
  return command(['kubectl', ...words], { input })
}

interface CommandOptions {
  readonly input?: string
  /** What it printed is wanted, however it ended. */
  readonly mayFail?: boolean
  /** Called with every piece of output, both streams. */
  readonly heard?: (text: string) => void
}

/** Runs a command; gives its stdout, rejects with what it said where it fails. */
export function command(
  [program = '', ...words]: readonly string[],
  { input = '', mayFail = false, heard }: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    heard?.(chunk.toString())
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    heard?.(chunk.toString())
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0 || mayFail) resolve(stdout)
      else {
        const said = (stderr || stdout).trim()
        reject(new Error(`${program} ${words.slice(0, 4).join(' ')} (${code}): ${said}`))
      }
    })
  })
}

/** Server-side apply of objects, as a user would by hand. */
export async function apply(...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(list))
}

/** What kubectl says when it must refuse; rejects where it does not. */
export async function refusal(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was accepted')
}

/** One object, or a list, as kubectl gives it. */
export async function get<T>(...words: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...words, '-o', 'json'])) as T
}

export interface PodObject {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly deletionTimestamp?: string
    readonly creationTimestamp: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: { readonly initContainers?: readonly { readonly name: string }[] }
  readonly status: {
    readonly phase: string
    readonly podIPs?: readonly { readonly ip: string }[]
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly ContainerStatus[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
  }
}

interface ContainerStatus {
  readonly name: string
  readonly containerID?: string
  readonly restartCount: number
  readonly ready: boolean
}

/** The pods of a selector that are not on their way out, by age. */
export async function pods(namespace: string, selector: string): Promise<PodObject[]> {
  const { items } = await get<{ items: PodObject[] }>('pods', '-n', namespace, '-l', selector)
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
}

/** Resolves once a Deployment runs what it says. */
export async function rolledOut(namespace: string, name: string, seconds = 60): Promise<void> {
  await kubectl([
    'rollout',
    'status',
    `deployment/${name}`,
    '-n',
    namespace,
    `--timeout=${seconds}s`,
  ])
}
