import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type http from 'node:http'
import { connect } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { subscribe } from '../../pkg/discovery/subscribe.ts'
import { ca, quietLog } from '../support/discovery.ts'
import { call } from '../support/shop-sidecars.ts'
import { startLiveSidecar } from '../support/live-sidecar.ts'
import { endPrograms, launch, makePlace, type Program } from '../support/programs.ts'
import { until } from '../support/until.ts'

afterEach(endPrograms)

test('SIGTERM lets the requests under way finish, takes no new ones, and ends with 0', async () => {
  using place = makePlace()
  const waiting: http.ServerResponse[] = []
  await using live = await startLiveSidecar(place, {
    app: (_request, response) => {
      response.write('half ')
      waiting.push(response)
    },
  })
  const answers = [live.get('/a'), live.get('/b')]
  await until('both are under way', () => waiting.length === 2)
  live.program().child.kill('SIGTERM')
  // Whoever watches it still sees it: it is alive and not ready.
  await until('it says that it is not ready', async () => {
    return (await call({ port: live.adminPort }, { path: '/readyz' })).status === 503
  })
  await expect(live.get('/c')).rejects.toThrow('ECONNREFUSED')
  for (const response of waiting) response.end('whole')
  expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['half whole', 'half whole'])
  expect([await live.program().ended, live.program().stderr()]).toEqual([0, ''])
})

test('SIGTERM ends a controller with clients, and an authority with a request under way, with 0', async () => {
  using place = makePlace()
  const controller = launch('controller', place.flags('controller'))
  const authority = launch('authority', place.flags('authority'))
  const urlIn = async (program: Program, name: string): Promise<string> => {
    const form = new RegExp(`"${name}":"([^"]+)"`)
    await until(`its ${name}`, () => form.test(program.stdout()), 15_000)
    return form.exec(program.stdout())?.[1] ?? ''
  }
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [await urlIn(controller, 'discoveryUrl')],
    ca: () => place.state.ca,
    token: () => Promise.resolve(place.state.token('orders')),
    apply: () => undefined,
    log: quietLog(),
  })
  await until('a client is connected', () => subscription.connected())
  const { port } = new URL(await urlIn(authority, 'url'))
  const socket = connect({ host: '127.0.0.1', port: Number(port), ca: ca() })
  await once(socket, 'secureConnect')
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  const type = 'Content-Type: application/x-www-form-urlencoded'
  socket.write(`POST /token HTTP/1.1\r\nHost: a\r\n${type}\r\nContent-Length: 6\r\n`)
  socket.write('Expect: 100-continue\r\n\r\n')
  await until('the request is under way', () => answer.includes('100 Continue'))
  for (const { child } of [controller, authority]) child.kill('SIGTERM')
  expect([await controller.ended, controller.stderr()]).toEqual([0, ''])
  expect(authority.child.exitCode).toBeNull()
  socket.write('a=b&c=')
  expect([await authority.ended, authority.stderr()]).toEqual([0, ''])
  expect(answer).toMatch(/HTTP\/1\.1 [45]\d\d [^]*"error"/)
  socket.destroy()
  subscription.close()
})

test('a signal that comes during the start is obeyed after it', async () => {
  using place = makePlace()
  for (const name of ['controller', 'authority', 'sidecar'] as const) {
    const { child, ended, stderr } = launch(name, place.flags(name, { 'log-level': 'debug' }))
    child.stdout?.once('data', () => child.kill('SIGTERM'))
    expect([name, await ended, stderr()]).toEqual([name, 0, ''])
  }
})

test('a sidecar that is killed serves again at once by what it kept, with no controller', async () => {
  using place = makePlace()
  await using live = await startLiveSidecar(place)
  await until('the state is kept', () => readdirSync(place.at('state')).includes('policy.json'))
  await live.controller[Symbol.asyncDispose]()
  live.program().child.kill('SIGKILL')
  expect(await live.program().ended).toBe('SIGKILL')
  await live.start()
  expect(await live.isReady()).toBe(true)
  expect(await live.get()).toMatchObject({ status: 200, text: 'ok' })
  live.program().child.kill('SIGTERM')
  expect(await live.program().ended).toBe(0)
})

test('a kept state that was cut or changed is left aside, and the next one replaces it', async () => {
  using place = makePlace()
  await using live = await startLiveSidecar(place)
  await until('the state is kept', () => readdirSync(place.at('state')).includes('policy.json'))
  const text = readFileSync(place.at('state/policy.json'), 'utf8')
  for (const damaged of [text.slice(0, text.length / 2), text.replaceAll('public', 'pubLic'), '']) {
    live.program().child.kill('SIGKILL')
    await once(live.program().child, 'exit')
    place.write('state/policy.json', damaged)
    await live.start()
    await until('it has the policy of the controller', live.isReady)
    expect(live.program().stdout()).toContain('the kept state is damaged and is left aside')
    expect(await live.get()).toMatchObject({ status: 200 })
    await until('a whole one is kept', () => {
      const now = readFileSync(place.at('state/policy.json'), 'utf8')
      return now !== damaged && now.endsWith('}') && JSON.parse(now) !== undefined
    })
  }
})
