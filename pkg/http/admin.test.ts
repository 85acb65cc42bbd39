import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMetrics } from '../telemetry/metrics.ts'
import { createAdmin } from './admin.ts'
import { drain, listen } from './listen.ts'

let isReady = false
let shown: object | undefined
const admin = createAdmin({
  isReady: () => isReady,
  notReady: 'no policy yet',
  metrics: createMetrics(),
  pages: { '/policy': () => shown },
})
let base = ''

beforeAll(async () => {
  const { port } = await listen(admin, { host: '127.0.0.1', port: 0 })
  base = `http://127.0.0.1:${port}`
})
afterAll(() => drain(admin, 100))

async function get(path: string, method = 'GET'): Promise<string> {
  const response = await fetch(base + path, { method })
  return `${response.status} ${(await response.text()).trim()}`.trim()
}

test('a process that answers is healthy, and ready only when it can do its work', async () => {
  expect(await get('/healthz')).toBe('200 ok')
  expect(await get('/readyz')).toBe('503 no policy yet')
  isReady = true
  expect(await get('/readyz?verbose')).toBe('200 ready')
})

test('a page is shown as JSON once there is something to show', async () => {
  expect(await get('/policy')).toBe('503 no policy yet')
  shown = { hash: 'x' }
  expect(JSON.parse((await get('/policy')).slice(4))).toEqual({ hash: 'x' })
  expect(await get('/policy', 'HEAD')).toBe('200')
})

test.each([
  ['/', 'GET', '404 not found'],
  ['/constructor', 'GET', '404 not found'],
  ['/readyz', 'POST', '405 method not allowed'],
])('%s by %s is answered %s %s', async (path, method, answer) => {
  expect(await get(path, method)).toBe(answer)
})
