import http from 'node:http'
import { createServer, type ListenOptions, type Server } from 'node:net'
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

test('every address is every IPv4 address where the machine has no IPv6', async () => {
  // Stands in for a kernel that was started without it.
  const withoutIPv6 = (): Server => {
    const made = createServer()
    const open = made.listen.bind(made)
    made.listen = ((options: ListenOptions, listening: () => void) => {
      if (options.host?.includes(':') !== true) return open(options, listening)
      const error = Object.assign(new Error('no such family'), { code: 'EAFNOSUPPORT' })
      process.nextTick(() => made.emit('error', error))
      return made
    }) as typeof made.listen
    return made
  }
  const server = withoutIPv6()
  const { host, port } = await listen(server, { host: '::', port: 0 })
  expect([host, port > 0]).toEqual(['0.0.0.0', true])
  server.close()
  const loopback = listen(withoutIPv6(), { host: '::1', port: 0 })
  await expect(loopback).rejects.toThrow('[::1]:0: EAFNOSUPPORT')
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
