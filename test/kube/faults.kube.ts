/** Faults at random between a reflector and a real API server, while objects come, change and go. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'
import { startKubeCase, type KubeCase } from '../support/kube-case.ts'
import { until } from '../support/until.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ binaries: clusterBinaries() })
})
afterAll(async () => {
  await server?.close()
})

const stormMs = 15_000

/** mulberry32: the same storm for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const gone = (code: number, reason: string): object => ({ kind: 'Status', code, reason })

const faults: readonly ((kube: KubeCase) => unknown)[] = [
  (kube) => kube.api.endWatches('end'),
  (kube) => kube.api.endWatches('break'),
  (kube) => kube.api.freeze(),
  (kube) => kube.api.inject('{"type":"ADDED"\n'),
  (kube) => kube.api.inject('\u0000\n'),
  (kube) => kube.api.inject(`${JSON.stringify({ type: 'ERROR', object: gone(410, 'Expired') })}\n`),
  (kube) => kube.api.inject(`${JSON.stringify({ type: 'ERROR', object: gone(500, 'Error') })}\n`),
  (kube) => kube.api.order(() => ({ status: 429, body: gone(429, 'TooManyRequests') })),
  (kube) => kube.api.order(() => ({ status: 500, body: 'no JSON' })),
  (kube) => kube.api.order(({ isWatch }) => (isWatch ? { status: 410 } : 'pass')),
  (kube) => kube.api.order(({ isWatch }) => (isWatch ? 'pass' : 'cut')),
  (kube) => kube.tcp.be('refuse'),
  (kube) => kube.tcp.be('reset'),
  (kube) => kube.tcp.be('hang'),
  (kube) => kube.tcp.be('none', 40),
  () => server.compact(),
]

test.each([1, 2])(
  'after a storm of faults (seed %i) the view is right, and it never went back',
  async (seed) => {
    const random = randomOf(seed)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const namespace = `storm-${seed}`
    await using kube = await startKubeCase(server, namespace)
    const went: string[] = []
    const highest = new Map<string, number>()
    let version = 0
    const reflector = kube.follow({
      timing: { watchSeconds: 1, graceMs: 200, firstBackoffMs: 5, longestBackoffMs: 100 },
      onChange() {
        if (reflector.version() < version) went.push(`version ${reflector.version()} < ${version}`)
        version = reflector.version()
        for (const [key, value] of reflector.items()) {
          if (Number(value) < (highest.get(key) ?? 0)) went.push(`${key}: ${value}`)
          highest.set(key, Number(value))
        }
      },
    })

    const truth = new Map<string, string>()
    const names = Array.from({ length: 12 }, (_, at) => `object-${at}`)
    const endMs = performance.now() + stormMs
    for (let step = 1; performance.now() < endMs; step += 1) {
      const name = pick(names)
      const key = `${namespace}/${name}`
      if (truth.has(key) && random() < 0.3) {
        await kube.remove(name)
        truth.delete(key)
      } else {
        await kube.put(name, String(step))
        truth.set(key, String(step))
      }
      if (step % 8 !== 0) continue
      kube.api.order(() => 'pass')
      await kube.tcp.be('none')
      if (random() < 0.75) await pick(faults)(kube)
    }

    kube.api.order(() => 'pass')
    await kube.tcp.be('reset')
    await kube.tcp.be('none')
    const shown = (): string => JSON.stringify([...reflector.items()].sort())
    await until('the view is right', () => shown() === JSON.stringify([...truth].sort()), 15_000)
    expect(went).toEqual([])
    const counts = reflector.counts()
    expect(counts.failures).toBeGreaterThan(10)
    expect(counts.badLines).toBeGreaterThan(0)
  },
)
