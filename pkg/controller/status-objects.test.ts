import { afterEach, expect, test } from 'vitest'
import { createIndex } from '../discovery/index.ts'
import { createGuardedFetch } from '../issuers/guarded-fetch.ts'
import { createKeySource } from '../issuers/key-source.ts'
import { createEvents } from '../kube/events.ts'
import type { Verdict } from '../policy/verdict.ts'
import { startStubApi, statusOf } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'
import type { Outcome } from './reconcile.ts'
import type { StatusWriter } from './said.ts'
import type { Live } from './sources/cluster.ts'
import { createStatusObjects } from './status-objects.ts'

const others = 20

const cleanups: (() => PromiseLike<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Sent {
  readonly metadata: { readonly resourceVersion: string }
  readonly status: { readonly conditions: readonly object[] }
}
/** What an API server says to the status of a policy; `undefined`: it takes it. */
type Answer = (name: string, sent: Sent) => ReturnType<Parameters<typeof startStubApi>[0]>

interface Case {
  readonly status: StatusWriter
  /** As the watch shows them, by name. */
  readonly live: Map<string, Live>
  /** Versions on which the status of that policy was applied. */
  triedOn(name: string): string[]
  /** Has these policies judged, and waits until the last of them is written. */
  judge(...names: string[]): Promise<void>
  /** Has it judged with one other after the other, for longer than a second. */
  judgeBeside(name: string): Promise<void>
}

async function start(answer: Answer): Promise<Case> {
  const tried: { readonly name: string; readonly version: string }[] = []
  const stub = await startStubApi(({ path, body }) => {
    const name = /accesspolicies\/([^/]+)\/status/.exec(path)?.[1] ?? ''
    const sent = JSON.parse(body) as Sent
    tried.push({ name, version: sent.metadata.resourceVersion })
    return answer(name, sent)
  })
  cleanups.push(() => stub[Symbol.asyncDispose]())
  const { client, log } = stub
  const live = new Map<string, Live>()
  const events = createEvents({ client, controller: 'it', instance: 'it', log })
  const keySource = createKeySource({ fetch: createGuardedFetch({ allowPrivate: false }), log })
  const status = createStatusObjects({
    client,
    index: createIndex({ monotonicMs: () => performance.now() }),
    keySource,
    live: (_kind, key) => live.get(key.replace('shop/', '')),
    leading: () => true,
    events,
    log,
    now: () => new Date(),
    onFailure: () => undefined,
  })
  cleanups.push(() => status.close())
  const triedOn = (name: string): string[] =>
    tried.filter((one) => one.name === name).map(({ version }) => version)
  const judge = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      if (!live.has(name)) live.set(name, { resourceVersion: '5', status: undefined })
    }
    status.take(outcomeOf(names))
    const last = names.at(-1) ?? ''
    await until(`${last} is told`, () => triedOn(last).length > 0)
  }
  return {
    status,
    live,
    triedOn,
    judge,
    async judgeBeside(name) {
      await judge(name)
      const startedAtMs = performance.now()
      for (let at = 0; at < others || performance.now() - startedAtMs < 1200; at += 1) {
        await judge(name, `other-${at}`)
      }
    },
  }
}

function outcomeOf(names: readonly string[]): Outcome {
  const trust = { bundle: '', serviceAccounts: { issuer: '', keys: [] } }
  const revision = { epoch: 1, versions: {} }
  const verdicts = names.map((name): Verdict => ({
    kind: 'AccessPolicy',
    namespace: 'shop',
    name,
    uid: name,
    conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: 'it is' }],
    problems: [],
    pods: [],
  }))
  const snapshot = { revision, trust, resources: [], problems: [], conflicts: [] }
  return { snapshot, verdicts }
}

/** The object as it is once the server has taken what was sent. */
function taken(name: string, resourceVersion: string, status: object) {
  const metadata = { name, namespace: 'shop', uid: name, resourceVersion }
  return { status: 200, body: { kind: 'AccessPolicy', metadata, status } }
}

test('a condition that somebody else keeps beside ours is not written against again and again', async () => {
  const foreign = { type: 'Reviewed', status: 'True' }
  const it = await start((name, { status }) =>
    taken(name, '6', { ...status, conditions: [...status.conditions, foreign] }),
  )
  await it.judgeBeside('kept')
  expect(it.triedOn('kept')).toEqual(['5'])
})

test('what a server refuses is not asked again each time that something else is news', async () => {
  const it = await start((name, { status }) =>
    name === 'refused'
      ? { status: 403, body: statusOf(403, 'Forbidden') }
      : taken(name, '6', status),
  )
  await it.judgeBeside('refused')
  // What the queue tries by itself, later and later, is all.
  expect(it.triedOn('refused').length).toBeLessThan(others / 2)
})

test('of a store that went back, what is seen counts again, not what was written', async () => {
  let isRestored = false
  const it = await start((name, { metadata, status }) =>
    isRestored && metadata.resourceVersion !== '3'
      ? { status: 409, body: statusOf(409, 'Conflict') }
      : taken(name, isRestored ? '4' : '6', status),
  )
  await it.judge('one')
  isRestored = true
  it.live.set('one', { resourceVersion: '3', status: undefined })
  it.status.take({ ...outcomeOf(['one']), verdicts: changed(outcomeOf(['one'])) })
  await until('it is written anew', () => it.triedOn('one').includes('3'), 5000)
})

function changed({ verdicts }: Outcome): Verdict[] {
  const condition = { type: 'Accepted', status: 'False', reason: 'Invalid', message: 'no' } as const
  return verdicts.map((verdict) => ({ ...verdict, conditions: [condition] }))
}
