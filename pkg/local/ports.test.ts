import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { choosePorts } from './ports.ts'

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

test('a port that was chosen before is chosen again while it is free', async () => {
  const taken = await occupy()
  const first = await choosePorts([{ key: 'a', what: 'a' }], {}, Math.random)
  expect(await choosePorts([{ key: 'a', what: 'a' }], first, Math.random)).toEqual(first)
  const moved = await choosePorts([{ key: 'a', what: 'a' }], { a: taken }, Math.random)
  expect(moved['a']).not.toBe(taken)
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
  const ports = await choosePorts(wishes, {}, random)
  expect(new Set(Object.values(ports)).size).toBe(4)
  expect(ports['given']).toBe(20_002)
})

test('where nothing is free it says so', async () => {
  const wishes = [
    { key: 'given', what: 'given', port: 20_000 },
    { key: 'a', what: 'a' },
  ]
  await expect(choosePorts(wishes, {}, () => 0)).rejects.toThrow(/no free port was found/)
})
