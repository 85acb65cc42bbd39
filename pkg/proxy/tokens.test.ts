import { expect, test } from 'vitest'
import { bearer } from '../../test/support/world.ts'
import { Refusal } from '../refusal/refusal.ts'
import { createLog } from '../telemetry/log.ts'
import type { IssuedToken } from '../token/exchange.ts'
import type { Wanted } from './authority-client.ts'
import { subjectOf } from './subject.ts'
import { createTokens, type Tokens } from './tokens.ts'

const alice = subjectOf(bearer('web', 'orders', { hash: 'alice' }), 'a')
const bob = subjectOf(bearer('web', 'orders', { hash: 'bob' }), 'b')
const self: Wanted = { subject: undefined, audience: 'http://payments', scopes: ['read'] }
const forAlice: Wanted = { ...self, subject: alice }

/** Tokens with a clock and an authority whose answers are given by hand. */
function make(options: { maxBytes?: number } = {}) {
  const clock = { ms: 0, wallMs: 1_000_000 }
  const asked: Wanted[] = []
  const answers: PromiseWithResolvers<IssuedToken>[] = []
  const tokens = createTokens({
    ask: (wanted) => {
      asked.push(wanted)
      const answer = Promise.withResolvers<IssuedToken>()
      answers.push(answer)
      return answer.promise
    },
    log: createLog({ name: 'test', level: 'silent' }),
    nowMs: () => clock.ms,
    wallMs: () => clock.wallMs,
    random: () => 0,
    ...options,
  })
  const issue = async (accessToken: string, expiresInSeconds = 300): Promise<void> => {
    answers.shift()?.resolve({ accessToken, expiresInSeconds, scopes: [] })
    await settle()
  }
  const refuse = async (reason: Refusal['reason']): Promise<void> => {
    answers.shift()?.reject(new Refusal(reason))
    await settle()
  }
  const pass = (ms: number): void => {
    clock.ms += ms
    clock.wallMs += ms
  }
  const have = async (wanted: Wanted, token: string, seconds = 300): Promise<void> => {
    const fetched = tokens.fetch(wanted)
    await settle()
    await issue(token, seconds)
    expect(await fetched).toBe(token)
  }
  return { tokens, clock, asked, issue, refuse, pass, have }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a token is asked for once and then cached', async () => {
  const { tokens, asked, have } = make()
  expect(tokens.cached(self)).toBeUndefined()
  await have(self, 't1')
  expect(tokens.cached(self)).toBe('t1')
  expect(asked).toEqual([self])
})

test.each([
  ['another subject', { ...forAlice, subject: bob }],
  ['no subject', self],
  ['another audience', { ...forAlice, audience: 'http://orders' }],
  ['other scopes', { ...forAlice, scopes: ['write'] }],
  ['more scopes', { ...forAlice, scopes: ['read', 'write'] }],
  ['no scopes', { ...forAlice, scopes: [] }],
])('a token for one subject, audience and scope set is none for %s', async (_, other) => {
  const { tokens, have } = make()
  await have(forAlice, 't1')
  expect(tokens.cached(other)).toBeUndefined()
  expect(tokens.cached({ ...forAlice })).toBe('t1')
})

test('who asks meanwhile waits for the same answer', async () => {
  const { tokens, asked, issue } = make()
  const all = [tokens.fetch(self), tokens.fetch(self), tokens.fetch(self)]
  await settle()
  await issue('t1')
  expect(await Promise.all(all)).toEqual(['t1', 't1', 't1'])
  expect(asked).toHaveLength(1)
})

test('a refusal reaches everybody who waits and is not remembered', async () => {
  const { tokens, asked, refuse, have } = make()
  const all = [tokens.fetch(self), tokens.fetch(self)]
  const outcomes = Promise.allSettled(all)
  await settle()
  await refuse('invalid_target')
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'invalid_target' } })
  }
  await have(self, 't1')
  expect(asked).toHaveLength(2)
})

test('a token of its own is renewed from two thirds of its life while it goes on being served', async () => {
  const { tokens, asked, issue, pass, have } = make()
  await have(self, 't1')
  pass(199_999)
  expect(tokens.cached(self)).toBe('t1')
  await settle()
  expect(asked).toHaveLength(1)
  pass(1)
  expect(tokens.cached(self)).toBe('t1')
  expect(tokens.cached(self)).toBe('t1')
  await settle()
  expect(asked).toHaveLength(2)
  await issue('t2')
  expect(tokens.cached(self)).toBe('t2')
})

test('a token that nobody uses is not renewed', async () => {
  const { tokens, asked, pass, have } = make()
  await have(self, 't1')
  pass(400_000)
  await settle()
  expect(asked).toHaveLength(1)
  expect(tokens.cached(self)).toBeUndefined()
})

test("a subject's token is never renewed from", async () => {
  const { tokens, asked, pass, have } = make()
  await have(forAlice, 't1')
  pass(290_000)
  expect(tokens.cached(forAlice)).toBe('t1')
  await settle()
  expect(asked).toHaveLength(1)
})

test('while the authority is away a token is served until shortly before its end', async () => {
  const { tokens, asked, refuse, pass, have } = make()
  await have(self, 't1')
  for (let second = 0; second < 297; second += 1) {
    pass(1_000)
    expect(tokens.cached(self)).toBe('t1')
    await settle()
    await refuse('authority_unavailable')
  }
  pass(1_000)
  expect(tokens.cached(self)).toBeUndefined()
  // With growing pauses, not once a second.
  expect(asked.length).toBeLessThan(12)
  expect(asked.length).toBeGreaterThan(3)
})

test('a token whose renewal is refused is not served any more', async () => {
  const { tokens, refuse, pass, have } = make()
  await have(self, 't1')
  pass(200_000)
  expect(tokens.cached(self)).toBe('t1')
  await settle()
  await refuse('invalid_target')
  expect(tokens.cached(self)).toBeUndefined()
})

test.each([
  ['forward', 300_000, 'wallMs'],
  ['on, asleep', 300_000, 'ms'],
] as const)('a clock that jumps %s ends a token', async (_, jump, which) => {
  const { tokens, clock, have } = make()
  await have(self, 't1')
  clock[which] += jump
  expect(tokens.cached(self)).toBeUndefined()
})

test('a wall clock that jumps back lengthens no token', async () => {
  const { tokens, clock, have } = make()
  await have(self, 't1')
  clock.wallMs -= 3_600_000
  clock.ms += 298_000
  expect(tokens.cached(self)).toBeUndefined()
})

test('bytes are bounded', async () => {
  const { tokens, have } = make({ maxBytes: 10_000 })
  for (let at = 0; at < 50; at += 1) {
    await have({ ...self, audience: `http://target-${at}` }, 't'.repeat(500))
  }
  expect(tokens.bytes).toBeLessThanOrEqual(10_000)
  expect(tokens.size).toBeGreaterThan(5)
})

test('it counts what it did', async () => {
  const { tokens, have }: { tokens: Tokens; have: ReturnType<typeof make>['have'] } = make()
  await have(self, 't1')
  tokens.cached(self)
  expect(tokens.counts).toEqual({ hits: 1, misses: 1, renewals: 0, failures: 0 })
})
