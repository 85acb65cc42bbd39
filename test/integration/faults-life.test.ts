import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type http from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { call } from '../support/shop-sidecars.ts'
import { startLiveSidecar } from '../support/live-sidecar.ts'
import { endPrograms, makePlace } from '../support/programs.ts'
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
  await until('it accepts no more', async () =>
    live.get('/c').then(
      () => false,
      () => true,
    ),
  )
  // Whoever watches it still sees it: it is alive and not ready.
  expect((await call({ port: live.adminPort }, { path: '/readyz' })).status).toBe(503)
  for (const response of waiting) response.end('whole')
  expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['half whole', 'half whole'])
  expect([await live.program().ended, live.program().stderr()]).toEqual([0, ''])
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
