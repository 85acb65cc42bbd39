import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { choosePorts, type ChosenPorts, type PortWish } from './ports.ts'

async function occupy(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

test('a port in use is named, with who wants it and what to do', async () => {
  const port = await occupy()
  const wish = { key: 'a', what: 'workload "shop/web" (inbound.port)', port }
  await expect(choosePorts([wish], {}, Math.random)).rejects.toMatchObject({
    exitCode: 69,
    message: `port ${port} is in use; workload "shop/web" (inbound.port) wants it: stop what listens there (\`ss -ltnp 'sport = :${port}'\` shows it), or give another port in local.yaml`,
  })
})

async function choose(
  wishes: readonly PortWish[],
  before: Readonly<Record<string, number>> = {},
  random = Math.random,
): Promise<ChosenPorts> {
  const chosen = await choosePorts(wishes, before, random)
  onTestFinished(chosen.release)
  return chosen
}

test('a port that was chosen before is chosen again while it is free', async () => {
  const taken = await occupy()
  const first = await choose([{ key: 'a', what: 'a' }])
  first.release()
  const again = await choose([{ key: 'a', what: 'a' }], first.ports)
  expect(again.ports).toEqual(first.ports)
  const moved = await choose([{ key: 'a', what: 'a' }], { a: taken })
  expect(moved.ports['a']).not.toBe(taken)
})

test('chosen ports never meet each other, nor those that are given', async () => {
  // Randomness that says the same thing twice before it says another.
  let calls = 0
  const random = (): number => Math.floor(calls++ / 2) / 10_000
  const wishes = [
    { key: 'a', what: 'a' },
    { key: 'b', what: 'b' },
    { key: 'given', what: 'given', port: 20_002 },
    { key: 'c', what: 'c' },
  ]
  const { ports } = await choose(wishes, {}, random)
  expect(new Set(Object.values(ports)).size).toBe(4)
  expect(ports['given']).toBe(20_002)
})

test('what one has chosen no other chooses, before anybody listens and until it is let go', async () => {
  const wish = [{ key: 'a', what: 'a' }]
  const first = await choose(wish)
  const [port = 0] = Object.values(first.ports)
  const second = await choose(wish, { a: port })
  expect(second.ports['a']).not.toBe(port)
  first.release()
  expect((await choose(wish, { a: port })).ports['a']).toBe(port)
})

test('where nothing is free it says so', async () => {
  const wishes = [
    { key: 'given', what: 'given', port: 20_000 },
    { key: 'a', what: 'a' },
  ]
  await expect(choosePorts(wishes, {}, () => 0)).rejects.toThrow(/no free port was found/)
})
