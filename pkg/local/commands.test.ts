import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { appLaunch, controllerLaunch, foreign, sidecarLaunch } from './commands.ts'
import { statePaths } from './paths.ts'
import { plan, portWishes } from './plan.ts'
import { readLocal } from './read-local.ts'

const reading = readLocal(`workloads:
- name: web
  namespace: shop
  app: { address: "127.0.0.1:3000", command: [node, web.js], env: { LEVEL: 3, NO_PROXY: "*.lan" } }
  inbound: { port: 7001 }
  outbound: { port: 7002, routes: [{ service: "shop/orders:http", port: 7003 }] }
- name: old
  app: { address: "127.0.0.1:3001" }
`)
if (!('file' in reading)) throw new Error(JSON.stringify(reading.problems))
const wishes = portWishes(reading.file)
const settled = plan(
  reading.file,
  Object.fromEntries(wishes.map(({ key, port }, index) => [key, port ?? 20_000 + index])),
)
const around = {
  folder: '/shop',
  paths: statePaths('/state'),
  plan: settled,
  program: (name: string) => ['node', `${name}.mjs`],
  env: {
    PATH: '/bin',
    TOKENWARD_TRUST_DOMAIN: 'another',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    http_proxy: 'http://proxy',
    AWS_PROFILE: 'mine',
  },
}
const [web, old] = settled.workloads
if (web === undefined || old === undefined) throw new Error('there are two workloads')

test('an app is told its port and its proxy, and has the last word on its environment', () => {
  expect(appLaunch(around, web)).toEqual({
    name: 'app shop/web',
    command: ['node', 'web.js'],
    cwd: '/shop',
    env: {
      PATH: `${dirname(process.execPath)}:/bin`,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      AWS_PROFILE: 'mine',
      PORT: '3000',
      http_proxy: 'http://127.0.0.1:7002',
      HTTP_PROXY: 'http://127.0.0.1:7002',
      no_proxy: '127.0.0.1,localhost,::1',
      NO_PROXY: '*.lan',
      NODE_USE_ENV_PROXY: '1',
      LEVEL: '3',
    },
    ready: { host: '127.0.0.1', port: 3000 },
  })
})

test('an app without a command runs already', () => {
  expect(appLaunch(around, old)).toBeUndefined()
})

test('our own processes inherit no settings, no proxy and nothing that weakens TLS', () => {
  for (const { env } of [controllerLaunch(around), sidecarLaunch(around, web)]) {
    const given = Object.entries(env).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(given)).toEqual({ PATH: '/bin' })
  }
})

test('a sidecar stands before its app, behind it, and at its routes', () => {
  const { command } = sidecarLaunch(around, web)
  const flags = Object.fromEntries(
    command.flatMap((flag, index) =>
      flag.startsWith('--') ? [[flag, command[index + 1] ?? '']] : [],
    ),
  )
  expect(flags).toMatchObject({
    '--inbound': '127.0.0.1:7001=127.0.0.1:3000',
    '--outbound-address': '127.0.0.1:7002',
    '--route-ports': '127.0.0.1:7003=shop/orders:http',
    '--authority-token-file': '/state/pods/shop.web-0/tokens/authority',
  })
})

test('what stands beside is told its port and goes through no sidecar', () => {
  const issuer = { name: 'issuer', command: ['x'], address: '127.0.0.1:9', env: {} }
  const { env } = foreign(around, issuer)
  expect(env).toMatchObject({ PORT: '9', http_proxy: 'http://proxy' })
})
