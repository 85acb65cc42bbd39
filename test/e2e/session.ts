import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Call {
  readonly method: string
  readonly url: string
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** By the proxy of the pod's environment. */
  readonly proxy?: boolean
  readonly timeoutMs?: number
}

export interface Answer {
  readonly status: number
  /** Of a refusal, or the code of the error where there was no answer. */
  readonly reason: string
  readonly body?: unknown
  readonly ms: number
}

export interface Load {
  readonly count: number
  /** How often each `status reason` came. */
  readonly statuses: Readonly<Record<string, number>>
  readonly longestMs: number
}

/** What an app got with the last request of a method and path. */
export interface Tapped {
  readonly token?: string
  /** The sidecar's handle in `tracestate`. */
  readonly handle?: string
  readonly headers: Readonly<Record<string, string>>
}

/** A process of ours inside a container, which does what it is told. */
export interface Session {
  call(call: Call): Promise<Answer>
  /** One after the other, on one connection. */
  repeat(call: Call, times: number): Promise<Answer[]>
  /** Starts to call until `stop`; `changed` hears of each answer that differs from the last, as it comes. */
  watch(call: Call, changed: (answer: string) => void, everyMs?: number): Promise<string>
  load(call: Call, everyMs: number): Promise<Load>
  /** Ends `watch` and `load`. */
  stop(): Promise<void>
  dial(host: string, port: number, text?: string): Promise<string>
  serve(host: string, port: number): Promise<string>
  seen(): Promise<{
    readonly served: readonly { readonly headers: Readonly<Record<string, string>> }[]
    readonly tapped: Readonly<Record<string, Tapped>>
  }>
  readonly closed: boolean
  close(): void
}

const here = join(import.meta.dirname, 'pod')

function program(name: string): string {
  return stripTypeScriptTypes(readFileSync(join(here, `${name}.ts`), 'utf8'))
}

/** NODE_OPTIONS of an app that is to be tapped. */
export function tapOptions(): string {
  return `--import=data:text/javascript,${encodeURIComponent(program('tap'))}`
}

/** The command that runs the driver, wherever Node.js is. */
export function driverCommand(): string[] {
  return ['node', '--input-type=module', '-e', program('driver')]
}

/** Opens a session in a container of a pod. */
export function openInPod(namespace: string, pod: string, container = 'app'): Promise<Session> {
  const words = ['exec', '-i', '-n', namespace, pod, '-c', container, '--', ...driverCommand()]
  return openSession('kubectl', words, `${namespace}/${pod}`)
}

/** Opens one beside the pods, in the network of this process. */
export function openHere(): Promise<Session> {
  const [node = '', ...words] = driverCommand()
  return openSession(node, words, 'this machine')
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly changed?: ((answer: string) => void) | undefined
}

async function openSession(
  name: string,
  words: readonly string[],
  place: string,
): Promise<Session> {
  const child: ChildProcess = spawn(name, words, { stdio: ['pipe', 'pipe', 'pipe'] })
  const waiting = new Map<number, Waiting>()
  let stderr = ''
  let next = 0
  let closed = false
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin?.on('error', () => undefined)
  const end = (): void => {
    closed = true
    const words = stderr.replace(/^Defaulted container .*$/m, '').trim()
    for (const each of waiting.values()) {
      each.reject(new Error(`the session in ${place} ended: ${words.slice(-500)}`))
    }
    waiting.clear()
  }
  child.on('error', end)
  child.on('close', end)
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, value, error, changed } = JSON.parse(line) as {
        readonly id: number
        readonly value?: unknown
        readonly error?: string
        readonly changed?: string
      }
      const one = waiting.get(id)
      if (changed !== undefined) one?.changed?.(changed)
      else {
        waiting.delete(id)
        if (error === undefined) one?.resolve(value)
        else one?.reject(new Error(error))
      }
    })
  }
  const wait = <T>(id: number, changed?: (answer: string) => void): Promise<T> =>
    new Promise<unknown>((resolve, reject) => {
      if (closed) reject(new Error(`the session in ${place} is over`))
      else waiting.set(id, { resolve, reject, changed })
    }) as Promise<T>
  const tell = <T>(
    command: { readonly op: string },
    changed?: (answer: string) => void,
  ): Promise<T> => {
    next += 1
    const answer = wait<T>(next, changed)
    child.stdin?.write(`${JSON.stringify({ id: next, ...command })}\n`)
    return answer
  }
  await wait(0)
  return {
    call: (call) => tell({ op: 'call', ...request(call) }),
    repeat: (call, times) => tell({ op: 'repeat', ...request(call), ...{ times } }),
    watch: (call, changed, everyMs = 2) =>
      tell({ op: 'watch', ...request(call), ...{ everyMs } }, changed),
    load: (call, everyMs) => tell({ op: 'load', ...request(call), ...{ everyMs } }),
    stop: () => tell({ op: 'stop' }),
    dial: (host, port, text = '') => tell({ op: 'dial', ...{ host, port, text } }),
    serve: (host, port) => tell({ op: 'serve', ...{ host, port } }),
    seen: () => tell({ op: 'seen' }),
    get closed() {
      return closed
    },
    close() {
      child.stdin?.end()
      child.kill()
    },
  }
}

function request({ token, headers, ...call }: Call): { readonly call: object } {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return { call: { ...call, headers: { ...authorization, ...headers } } }
}
