import http from 'node:http'
import { expect, test } from 'vitest'
import { drain, listen } from './listen.ts'

test('a port in use is named, with who wanted it and what to do', async () => {
  const first = http.createServer()
  const { port } = await listen(first, { host: '127.0.0.1', port: 0 })
  const second = http.createServer()
  await expect(listen(second, { host: '127.0.0.1', port }, 'the admin port')).rejects.toThrow(
    `the admin port cannot listen: 127.0.0.1:${port} is in use by another process`,
  )
  await drain(first, 100)
})

test('a drain lets the request under way finish and refuses new connections', async () => {
  let release = (): void => undefined
  const entered = new Promise<void>((enter) => {
    server.on('request', (_request, response) => {
      enter()
      release = () => response.end('done')
    })
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  const answer = fetch(`http://127.0.0.1:${port}/`)
  await entered
  const drained = drain(server, 5000)
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  release()
  expect(await (await answer).text()).toBe('done')
  await drained
})
const server = http.createServer()

test('a drain cuts what does not finish within its grace', async () => {
  const stuck = http.createServer(() => undefined)
  const { port } = await listen(stuck, { host: '127.0.0.1', port: 0 })
  const answer = fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error)
  await new Promise((connected) => stuck.once('connection', connected))
  await drain(stuck, 20)
  expect(await answer).toBeInstanceOf(Error)
})
