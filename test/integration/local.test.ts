import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LocalRecord } from '../../pkg/local/record.ts'
import { isRunning } from '../../pkg/local/process-id.ts'
import { copyShop, type OnOwnPorts } from '../support/shop-copy.ts'

const waits = { timeout: 20_000, interval: 50 }
const command = [join(process.cwd(), 'cmd/cli/main.ts')]

interface Run {
  readonly child: ChildProcess
  readonly text: () => string
  readonly ended: Promise<number | null>
}

const running: Run[] = []

/** A copy of the shop and the state folder that belongs to it. */
interface Place {
  readonly root: string
  readonly folder: string
  readonly state: string
  readonly onOwnPorts: OnOwnPorts
}

async function makePlace(): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'tokenward-local-'))
  const folder = join(root, 'shop')
  return { root, folder, state: join(root, 'state'), onOwnPorts: await copyShop(folder) }
}

function tokenward({ root }: Place, ...argv: string[]): Run {
  const child = spawn(process.execPath, [...command, ...argv], { cwd: root })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const run = { child, ended, text: () => text }
  running.push(run)
  return run
}

async function startLocal(place: Place): Promise<Run> {
  const run = tokenward(place, 'local', place.folder, '--state', place.state)
  await vi.waitFor(() => expect(run.text()).toContain('Ctrl+C ends them'), waits)
  return run
}

function recordIn({ state }: Place): LocalRecord {
  return JSON.parse(readFileSync(join(state, 'local.json'), 'utf8')) as LocalRecord
}

function processOf(place: Place, name: string) {
  const found = recordIn(place).processes.find((each) => each.name === name)
  if (found === undefined) throw new Error(`${name} does not run`)
  return found
}

function get({ onOwnPorts }: Place, url: string, token?: string): Promise<Response> {
  return fetch(onOwnPorts(url), {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
}

async function output(run: Run): Promise<string> {
  expect(await run.ended, run.text()).toBe(0)
  return run.text().trim()
}

async function endAll(): Promise<void> {
  for (const { child } of running) child.kill('SIGTERM')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
}

describe('a running system', { timeout: 60_000 }, () => {
  let place: Place
  let local: Run
  beforeAll(async () => {
    place = await makePlace()
    local = await startLocal(place)
  }, 60_000)
  afterAll(async () => {
    await endAll()
    rmSync(place.root, { recursive: true, force: true })
  }, 60_000)

  const tokenOf = (...argv: string[]) => tokenward(place, 'token', '--state', place.state, ...argv)

  test('serves every app through its sidecar and names every process', async () => {
    const alice = await output(tokenOf('--user', 'alice', '--raw'))
    const answers = await Promise.all([
      get(place, 'http://127.0.0.1:7080/'),
      get(place, 'http://127.0.0.1:7080/purchases/1'),
      get(place, 'http://127.0.0.1:7080/purchases/1', alice),
    ])
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(
      answers.map(({ status }) => status),
      bodies.join('\n'),
    ).toEqual([200, 401, 404])
    const names = ['orders', 'payments', 'reports', 'web']
    expect(
      recordIn(place)
        .processes.map(({ name }) => name)
        .sort(),
    ).toEqual([
      ...names.map((name) => `app shop/${name}`),
      'authority',
      'controller',
      'issuer',
      ...names.map((name) => `sidecar shop/${name}`),
    ])
  })

  test('gives tokens as workloads get them, and refuses what it refuses them', async () => {
    const shown = await output(
      tokenOf('--as', 'shop/web', '--for', 'shop/orders', '--on-behalf-of', 'alice', '-o', 'json'),
    )
    expect(JSON.parse(shown)).toMatchObject({
      header: { typ: 'at+jwt' },
      claims: {
        sub: 'corp:alice',
        act: { sub: 'spiffe://local.tokenward.dev/ns/shop/sa/web' },
        scope: 'orders:create orders:read',
      },
    })
    const refused = tokenOf('--as', 'shop/reports', '--for', 'shop/orders')
    expect(await refused.ended).toBe(1)
    expect(refused.text()).toMatch(/^refused: invalid_target\. /)
    const unknown = tokenOf('--as', 'shop/wbe', '--for', 'shop/orders')
    expect(await unknown.ended).toBe(64)
    expect(unknown.text()).toMatch(/there is no workload shop\/wbe; there are shop\/web, /)
  })

  test('shows no secret in arguments, environments, logs or to other users', async () => {
    const alice = await output(tokenOf('--user', 'alice', '--raw'))
    await get(place, 'http://127.0.0.1:7080/purchases/1', alice)
    const files = readdirSync(place.state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    for (const path of files.filter((name) => /\/(?:tokens|pki|keys|issuer)\//.test(name))) {
      expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
    }
    const secrets = [
      alice,
      ...files
        .filter((path) => /\/tokens\/|\.key$|\/issuer\/key|\/keys\//.test(path))
        .map((path) => readFileSync(path, 'utf8')),
    ].map((text) =>
      text
        .replaceAll(/-----.*-----/g, '')
        .trim()
        .slice(-40),
    )
    const looked = [
      ...recordIn(place).processes.flatMap(({ pid }) => [
        `/proc/${pid}/cmdline`,
        `/proc/${pid}/environ`,
      ]),
      ...files.filter((path) => path.includes('/logs/')),
    ]
    for (const path of looked) {
      const text = readFileSync(path, 'utf8')
      expect(
        secrets.filter((secret) => text.includes(secret)),
        path,
      ).toEqual([])
    }
    expect(secrets.length).toBeGreaterThan(10)
  })

  test('has its state folder for itself', async () => {
    const second = tokenward(place, 'local', place.folder, '--state', place.state)
    expect(await second.ended).toBe(75)
    expect(second.text()).toMatch(
      /^tokenward: another tokenward \(process \d+\) runs on the state folder .*: stop it, or give another --state\n$/,
    )
  })

  test('starts a process again that dies, and leaves down one that was asked to end', async () => {
    const orders = processOf(place, 'sidecar shop/orders')
    const web = processOf(place, 'sidecar shop/web')
    process.kill(orders.pid, 'SIGKILL')
    process.kill(web.pid, 'SIGTERM')
    await vi.waitFor(() => {
      expect(processOf(place, orders.name).pid).not.toBe(orders.pid)
      expect(recordIn(place).processes.some(({ name }) => name === web.name)).toBe(false)
    }, waits)
    await expect(get(place, 'http://127.0.0.1:7080/')).rejects.toThrow()
    local.child.kill('SIGUSR2')
    await vi.waitFor(async () => {
      expect((await get(place, 'http://127.0.0.1:7080/')).status).toBe(200)
      expect((await get(place, 'http://127.0.0.1:7081/orders/1')).status).toBe(401)
    }, waits)
  })

  test('is found again after it was killed: leftovers end, ports and UIDs stay', async () => {
    const { processes: left, uids, ports } = recordIn(place)
    local.child.kill('SIGKILL')
    await local.ended
    expect(left.filter(isRunning)).not.toEqual([])
    local = await startLocal(place)
    expect(local.text()).toMatch(/local: ending what an earlier run left: /)
    expect(left.filter(isRunning)).toEqual([])
    expect(recordIn(place)).toMatchObject({ uids, ports })
    expect((await get(place, 'http://127.0.0.1:7080/')).status).toBe(200)
  })

  test('ends whole', async () => {
    const { processes } = recordIn(place)
    local.child.kill('SIGINT')
    expect(await local.ended).toBe(0)
    expect(processes.filter(isRunning)).toEqual([])
    expect(recordIn(place).processes).toEqual([])
  })
})

describe('a system beside apps that run already', { timeout: 60_000 }, () => {
  const policy = `apiVersion: tokenward.dev/v1alpha1
kind: AccessPolicy
metadata: { name: orders, namespace: shop }
spec:
  targetRefs: [{ group: '', kind: Service, name: orders }]
  rules: [{ name: web, from: [{ serviceAccount: { name: web } }], scopes: [orders:read] }]
`
  const root = mkdtempSync(join(tmpdir(), 'tokenward-beside-'))
  const apps = createHttpServer((request, response) => {
    response.end(JSON.stringify(request.headers))
  })
  afterAll(async () => {
    await endAll()
    apps.close()
    rmSync(root, { recursive: true, force: true })
  }, 60_000)

  test('lets an app that knows no proxy call a Service at a port of this machine', async () => {
    await new Promise<void>((resolve) => apps.listen(0, '127.0.0.1', resolve))
    const address = apps.address()
    const port = typeof address === 'object' ? address?.port : 0
    const folder = join(root, 'shop')
    mkdirSync(folder)
    writeFileSync(join(folder, 'orders.yaml'), policy)
    writeFileSync(
      join(folder, 'local.yaml'),
      `workloads:
- name: orders
  namespace: shop
  service: { name: orders }
  app: { address: "127.0.0.1:${port}" }
- name: web
  namespace: shop
  app: { address: "127.0.0.1:1" }
  outbound: { routes: [{ service: "shop/orders:http" }] }
`,
    )
    const place = { root, folder, state: join(root, 'state'), onOwnPorts: (text: string) => text }
    const run = await startLocal(place)
    expect(run.text()).toContain('app shop/web: nothing answers at 127.0.0.1:1 yet; start it there')
    const [, route = ''] = /shop\/web calls shop\/orders:http at (\S+)/.exec(run.text()) ?? []
    const answer = await fetch(`${route}/orders/1`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      'tokenward-caller': 'spiffe://local.tokenward.dev/ns/shop/sa/web',
      'tokenward-scope': 'orders:read',
    })
    const direct = await fetch(recordIn(place).workloads[0]?.inbound ?? '')
    expect(direct.status).toBe(401)
  })
})

describe('a start that cannot succeed says why and leaves nothing running', () => {
  let place: Place
  beforeEach(async () => {
    place = await makePlace()
  })
  afterEach(async () => {
    await endAll()
    rmSync(place.root, { recursive: true, force: true })
  })
  const start = (state = place.state) => tokenward(place, 'local', place.folder, '--state', state)

  test('a port in use', async () => {
    const port = Number(place.onOwnPorts('7082'))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const run = start()
    expect(await run.ended).toBe(69)
    server.close()
    expect(run.text()).toMatch(
      new RegExp(
        `^tokenward: port ${port} is in use; workload "shop/payments" \\(inbound.port\\) wants it: .*\n$`,
      ),
    )
    expect(readdirSync(place.state)).toEqual([])
  })

  test('an app that dies', async () => {
    rmSync(join(place.folder, 'apps', 'orders.ts'))
    const run = start()
    expect(await run.ended, run.text()).toBe(71)
    expect(run.text()).toMatch(
      /^tokenward: app shop\/orders ended with exit code 1: Error: Cannot find module .*orders\.ts' \(its log is in .*\)\n$/,
    )
    expect(recordIn(place).processes).toEqual([])
    await expect(get(place, 'http://127.0.0.1:7090/jwks')).rejects.toThrow()
  })

  test('a state folder that is a file', async () => {
    const run = start(join(place.folder, 'web.yaml'))
    expect(await run.ended).toBe(73)
    expect(run.text()).toMatch(
      /^tokenward: the state folder .*web\.yaml cannot be used \(EEXIST\): /,
    )
  })
})
