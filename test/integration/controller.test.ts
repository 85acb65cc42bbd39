import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parseYaml } from '../../pkg/config/yaml.ts'
import { run, type Controller, type ControllerSettings } from '../../pkg/controller/run.ts'
import { subscribe, type Subscription } from '../../pkg/discovery/subscribe.ts'
import { drain, listen } from '../../pkg/http/listen.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import type { AuthorityPolicy, WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { quietLog } from '../support/discovery.ts'
import { makeStateFolder, policyText, type StateFolder } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function settingsOf(state: StateFolder): ControllerSettings {
  return {
    folder: state.folder,
    stateFolder: state.stateFolder,
    discoveryAddress: { host: '127.0.0.1', port: 0 },
    adminAddress: { host: '127.0.0.1', port: 0 },
    authorityIssuer: 'https://127.0.0.1:9999',
    trustDomain: 'local.tokenward.dev',
    clusterDomain: 'cluster.local',
    allowPrivateIssuers: true,
  }
}

async function start(
  state: StateFolder,
  change: Partial<ControllerSettings> = {},
  log: string[] = [],
): Promise<Controller> {
  const controller = await run({ ...settingsOf(state), ...change }, quietLog(log))
  closers.push(() => controller.close())
  return controller
}

function folderOf(services: readonly string[]): StateFolder {
  const state = makeStateFolder(services)
  closers.push(() => state[Symbol.dispose]())
  return state
}

interface Follower {
  readonly subscription: Subscription
  latest(): WorkloadPolicy | undefined
}

function follow(state: StateFolder, controller: Controller, service: string): Follower {
  let latest: WorkloadPolicy | undefined
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [controller.discoveryUrl],
    ca: () => state.ca,
    token: () => Promise.resolve(state.token(service)),
    apply: (sections) => (latest = sections),
    log: quietLog(),
  })
  closers.push(() => subscription.close())
  return { subscription, latest: () => latest }
}

const methodsOf = (policy: WorkloadPolicy | undefined): readonly string[] =>
  policy?.rules.ports['8080']?.rules.flatMap((rule) => rule.operations[0]?.methods ?? []) ?? []

interface StatusFile {
  readonly status: {
    readonly observedGeneration: number
    readonly conditions: readonly {
      type: string
      status: string
      reason: string
      message: string
    }[]
  }
}

function statusOf(state: StateFolder, file: string): StatusFile | undefined {
  try {
    const text = readFileSync(path.join(state.stateFolder, 'status', file), 'utf8')
    return parseYaml(text).documents[0]?.value as StatusFile
  } catch {
    return undefined
  }
}

const conditionOf = (state: StateFolder, file: string, type: string): string | undefined => {
  const found = statusOf(state, file)?.status.conditions.find((one) => one.type === type)
  return found && `${found.status} ${found.reason}: ${found.message}`
}

test('target, caller and authority get what one policy means for each, and status counts who applied it', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const controller = await start(state)
  let authority: AuthorityPolicy | undefined
  const subscription = subscribe<'authority'>({
    kind: 'authority',
    urls: [controller.discoveryUrl],
    ca: () => state.ca,
    token: () => Promise.resolve(state.authorityToken()),
    apply: (sections) => (authority = sections),
    log: quietLog(),
  })
  closers.push(() => subscription.close())
  const orders = follow(state, controller, 'orders')
  await until('caller and authority are served', () => !!orders.latest() && !!authority)
  expect(orders.latest()?.routes.routes.map(({ id }) => id)).toEqual(['shop/payments:80'])
  expect(orders.latest()?.trust).toEqual({ bundle: state.ca })
  expect(authority?.edges.edges).toHaveLength(1)
  expect(authority?.trust.serviceAccounts?.issuer).toBe('https://tokenward.local/serviceaccounts')
  expect(authority?.keys).toEqual(orders.latest()?.keys)
  await until('the status waits for the target', () =>
    (conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Programmed') ?? '').endsWith(
      'applied 0 of 1',
    ),
  )
  const payments = follow(state, controller, 'payments')
  await until('the target is served', () => payments.latest() !== undefined)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  await until(
    'the status counts it',
    () =>
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Programmed') ===
      'True Programmed: applied 1 of 1',
  )
  expect(conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Accepted')).toMatch(
    /^True Accepted/,
  )
})

test('an edit is enforced within 250 ms, and back', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const payments = follow(state, await start(state), 'payments')
  await until('the first policy', () => payments.latest() !== undefined)
  const durations: number[] = []
  for (let round = 0; round < 10; round += 1) {
    const method = round % 2 === 0 ? 'POST' : 'GET'
    const startedAtMs = performance.now()
    state.write('payments.yaml', policyText('payments', 'orders', [method]))
    await until(method, () => methodsOf(payments.latest())[0] === method)
    durations.push(performance.now() - startedAtMs)
  }
  expect(durations.toSorted((a, b) => a - b).at(-2)).toBeLessThan(250)
})

test('a file that goes takes its resources along, and a file that moves does not', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('a.yaml', policyText('payments', 'orders'))
  const payments = follow(state, await start(state), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  renameSync(path.join(state.folder, 'a.yaml'), path.join(state.folder, 'b.yaml'))
  state.write('c.yaml', policyText('orders', 'payments'))
  await until('the other file is read', () => payments.latest()?.routes.routes.length === 1)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  state.remove('b.yaml')
  await until('it is gone', () => methodsOf(payments.latest()).length === 0)
  await until('so is its status', () => !statusOf(state, 'AccessPolicy/shop.payments.yaml'))
})

test.each([
  ['is not YAML', 'spec: [', /^\d+ /],
  ['has an unknown field', policyText('payments', 'orders').replace('scopes:', 'scops:'), /scops/],
  ['is cut in the middle of a line', policyText('payments', 'orders', ['POST']).slice(0, 200), /./],
])('a file that %s keeps its last good state, and says so', async (_what, text, message) => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  state.write('payments.yaml', text)
  await until('it is logged', () => log.join('').includes('a file is broken'))
  const problems = (): string =>
    readFileSync(path.join(state.stateFolder, 'status', 'problems.yaml'), 'utf8')
  await until('it is in the status', () => problems().includes('file: payments.yaml'))
  expect(problems()).toMatch(/line: \d+\n +column: \d+/)
  expect(`1 ${problems()}`).toMatch(message)
  state.write('other.yaml', policyText('orders', 'payments'))
  await until('other files are still followed', () => payments.latest()?.routes.routes.length === 1)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  state.write('payments.yaml', policyText('payments', 'orders', ['PUT']))
  await until('it is whole again', () => methodsOf(payments.latest())[0] === 'PUT')
  await until('the status is clean', () => problems().startsWith('problems: []'))
})

test('two files that define the same policy: neither counts, and both are named', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('a.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  state.write('b.yaml', policyText('payments', 'orders', ['POST']))
  await until('neither counts', () => methodsOf(payments.latest()).length === 0)
  await until(
    'the status says so',
    () =>
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Accepted') ===
      'False Conflicted: several files define it, so none of them counts: a.yaml, b.yaml',
  )
  expect(log.join('')).toContain('several files define it: a.yaml, b.yaml')
  state.remove('a.yaml')
  await until('the other one counts', () => methodsOf(payments.latest())[0] === 'POST')
})

test('what a sidecar rejects is in the status, with its reason', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const controller = await start(state)
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [controller.discoveryUrl],
    ca: () => state.ca,
    token: () => Promise.resolve(state.token('payments')),
    apply: () => {
      throw new Error('it does not fit')
    },
    log: quietLog(),
  })
  closers.push(() => subscription.close())
  await until(
    'the status says so',
    () =>
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Programmed') ===
      'False PartiallyProgrammed: applied 0 of 1; shop/payments-0 rejects it: it does not fit',
  )
})

test('a policy whose target is not there is in log and status', async () => {
  const state = folderOf(['orders'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  await start(state, {}, log)
  await until('the status says so', () =>
    /^False TargetNotFound/.test(
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Accepted') ?? '',
    ),
  )
  expect(log.filter((line) => line.includes('a resource does not count'))).toHaveLength(1)
})

test('a restarted controller goes on where it was: same keys, no older revision, clients come back', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const first = await start(state)
  const payments = follow(state, first, 'payments')
  await until('the policy', () => payments.latest() !== undefined)
  const keys = payments.latest()?.keys
  const before = payments.subscription.revision()
  await first.close()
  await until('it is gone', () => !payments.subscription.connected())
  state.write('payments.yaml', policyText('payments', 'orders', ['PATCH']))
  const port = Number(new URL(first.discoveryUrl).port)
  await start(state, { discoveryAddress: { host: '127.0.0.1', port } })
  await until('the change arrives', () => methodsOf(payments.latest())[0] === 'PATCH', 10_000)
  expect(payments.latest()?.keys).toEqual(keys)
  const after = payments.subscription.revision()
  expect(after?.epoch).toBe(before?.epoch)
  expect(after?.versions['AccessPolicy']).toBeGreaterThan(
    before?.versions['AccessPolicy'] ?? Infinity,
  )
})

test('a controller that restarts beside a broken file keeps the last good state of that file', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  state.write('orders.yaml', policyText('orders', 'payments'))
  const first = await start(state)
  await first.close()
  state.write('payments.yaml', 'spec: [')
  state.remove('orders.yaml')
  const second = await start(state)
  const payments = follow(state, second, 'payments')
  const orders = follow(state, second, 'orders')
  await until('both are served', () => !!payments.latest() && !!orders.latest())
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  expect(methodsOf(orders.latest())).toEqual([])
  await second.close()
  state.write('orders.yaml', 'spec: [')
  const third = follow(state, await start(state), 'orders')
  await until('it is served', () => third.latest() !== undefined)
  expect(methodsOf(third.latest())).toEqual([])
})

test('lost and damaged versions begin a new epoch, which clients believe', async () => {
  const state = folderOf(['orders', 'payments'])
  const first = await start(state)
  const payments = follow(state, first, 'payments')
  await until('the policy', () => payments.latest() !== undefined)
  await first.close()
  const { epoch, reserved } = JSON.parse(
    readFileSync(path.join(state.stateFolder, 'versions.json'), 'utf8'),
  ) as { epoch: number; reserved: number }
  expect(reserved).toBeGreaterThan(0)
  writeFileSync(path.join(state.stateFolder, 'versions.json'), '{"epoch":')
  await until('the clock has moved on', () => Math.floor(Date.now() / 1000) > epoch)
  state.write('payments.yaml', policyText('payments', 'orders'))
  const port = Number(new URL(first.discoveryUrl).port)
  await start(state, { discoveryAddress: { host: '127.0.0.1', port } })
  await until('the change arrives', () => methodsOf(payments.latest()).length === 1, 10_000)
  expect(payments.subscription.revision()?.epoch).toBeGreaterThan(epoch)
})

const issuerText = (jwksUri: string): string => `apiVersion: tokenward.dev/v1alpha1
kind: TrustedIssuer
metadata: { name: corp }
spec:
  issuer: https://login.corp.example
  keys: { jwksUri: "${jwksUri}" }
  audiences:
  - value: https://shop.example
    services: [{ namespace: shop, name: orders }]
`

/** An issuer's own server on loopback. */
async function keyServer(): Promise<{ url: string; kid: string }> {
  const key = generateSigningKey()
  const server = http.createServer((_request, response) => {
    response.end(JSON.stringify({ keys: [key.publicJwk] }))
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  closers.push(() => drain(server, 0))
  return { url: `http://127.0.0.1:${port}/jwks`, kid: key.kid }
}

test("an issuer's keys are fetched and sent, and belong to the address that they came from", async () => {
  const state = folderOf(['orders', 'payments'])
  const [first, second] = [await keyServer(), await keyServer()]
  state.write('issuer.yaml', issuerText(first.url))
  const controller = await start(state)
  const orders = follow(state, controller, 'orders')
  const payments = follow(state, controller, 'payments')
  const kids = (): unknown[] =>
    orders.latest()?.issuers.issuers.flatMap(({ jwks }) => jwks?.keys.map((key) => key['kid'])) ??
    []
  await until('the keys arrive', () => kids()[0] === first.kid)
  await until('the status says so', () =>
    (conditionOf(state, 'TrustedIssuer/corp.yaml', 'KeysAvailable') ?? '').startsWith('True'),
  )
  expect(payments.latest()?.issuers.issuers).toEqual([])
  state.write('issuer.yaml', issuerText(second.url))
  await until('the other keys arrive', () => kids()[0] === second.kid)
  state.write('issuer.yaml', issuerText('http://127.0.0.1:1/jwks'))
  await until('no keys are left', () => kids()[0] === undefined)
  await until('the status names the error', () =>
    /^False NotFetched: the last fetch failed: ./.test(
      conditionOf(state, 'TrustedIssuer/corp.yaml', 'KeysAvailable') ?? '',
    ),
  )
})

test('without the setting, keys are not fetched from private addresses', async () => {
  const state = folderOf(['orders'])
  const { url } = await keyServer()
  state.write('issuer.yaml', issuerText(url))
  const orders = follow(state, await start(state, { allowPrivateIssuers: false }), 'orders')
  await until('the status says why', () =>
    (conditionOf(state, 'TrustedIssuer/corp.yaml', 'KeysAvailable') ?? '').startsWith('False'),
  )
  expect(orders.latest()?.issuers.issuers[0]?.jwks).toBeUndefined()
})

test('the admin port says that it is ready and what it counts', async () => {
  const state = folderOf(['orders'])
  const controller = await start(state)
  const get = async (at: string): Promise<[number, string]> => {
    const response = await fetch(controller.adminUrl + at)
    return [response.status, await response.text()]
  }
  expect(await get('/healthz')).toEqual([200, 'ok\n'])
  expect(await get('/readyz')).toEqual([200, 'ready\n'])
  expect((await get('/metrics'))[1]).toContain('tokenward_controller_resources{kind="Pod"} 2')
  expect((await get('/other'))[0]).toBe(404)
})
