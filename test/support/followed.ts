/** A reflector against a scripted API server. */
import { createReflector, type Reflector, type ReflectorOptions } from '../../pkg/kube/reflector.ts'
import type { Order, Seen } from './api-proxy.ts'
import { startStubApi, statusOf, type StubApi } from './stub-api.ts'

const closers: (() => void | PromiseLike<void>)[] = []

/** For `afterEach`. */
export async function endFollowed(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

/** Timing that tests can wait for. */
export const quick = {
  watchSeconds: 300,
  graceMs: 30_000,
  silenceMs: 60_000,
  firstBackoffMs: 5,
  longestBackoffMs: 20,
}

type Item = { readonly name: string; readonly version: string }

interface Followed extends StubApi {
  readonly reflector: Reflector<Item>
  readonly changes: () => number
  readonly names: () => string[]
  readonly watched: () => Seen[]
  readonly listed: () => Seen[]
}

/** A reflector that is started, and the scripted API server that it follows. */
export async function follow(
  decide: (seen: Seen) => Order,
  options: Partial<ReflectorOptions<Item>> = {},
): Promise<Followed> {
  const stub = await startStubApi(decide)
  let changes = 0
  const reflector = createReflector<Item>({
    client: stub.client,
    path: '/api/v1/pods',
    transform: ({ metadata }) => ({ name: metadata.name, version: metadata.resourceVersion }),
    onChange: () => {
      changes += 1
    },
    log: stub.log,
    random: () => 0,
    timing: quick,
    ...options,
  })
  closers.push(
    () => stub[Symbol.asyncDispose](),
    () => reflector.close(),
  )
  reflector.start()
  return Object.assign(stub, {
    reflector,
    changes: () => changes,
    names: () => [...reflector.items().values()].map(({ name }) => name),
    watched: () => stub.api.seen.filter(({ isWatch }) => isWatch),
    listed: () => stub.api.seen.filter(({ isWatch }) => !isWatch),
  })
}

/** The answers to lists and to watches, each in turn; the last one for all that follow. */
export function script(lists: readonly Order[], watches: readonly Order[]): (seen: Seen) => Order {
  const left = { lists: [...lists], watches: [...watches] }
  return ({ isWatch }) => {
    const orders = isWatch ? left.watches : left.lists
    return (orders.length > 1 ? orders.shift() : orders[0]) ?? 'hang'
  }
}

/** A watch with these lines that stays open. */
export const open = (...lines: string[]): Order => ({ status: 200, lines })
/** An answer that is a Status. */
export const refuse = (code: number, reason: string, more: object = {}): Order => ({
  status: code,
  body: statusOf(code, reason),
  ...more,
})
/** The line by which a watch fails. */
export const errorLine = (code: number, reason: string): string =>
  JSON.stringify({ type: 'ERROR', object: statusOf(code, reason) })
/** Of its query. */
export const paramsOf = (seen: Seen | undefined): Record<string, string> =>
  Object.fromEntries(new URL(seen?.path ?? '', 'https://a').searchParams)
