import type { KubeClient } from '../../../pkg/kube/client.ts'
import { letOrdersBeRead } from '../api.ts'
import { idle, pod, policy } from '../objects.ts'
import { apply, get, kubectl, pods, refusal, rolledOut, type PodObject } from '../kubectl.ts'
import type { LocalCluster } from '../local.ts'
import type { Absence } from '../figures/audit.ts'
import { check, skip } from '../report.ts'
import { openHere } from '../session.ts'
import { until } from '../../support/until.ts'
import { expectAnswer, untilAnswer, type Stage } from '../stage.ts'
import { visit } from './shop.ts'

const system = 'tokenward-system'
const ports = { controller: 15_543, authority: 15_480, webhook: 10_250 } as const
type Process = keyof typeof ports

const noRule = { status: 403, reason: 'no_rule' }
const look = { method: 'GET', path: '/purchases/1' }

/** Kills every pod of a process and keeps it away while `run` looks; then it comes back by itself. */
async function without(stage: Stage, name: Process, run: () => Promise<void>): Promise<void> {
  const deployment = `tokenward-${name}`
  const { spec } = await get<{ spec: { replicas: number } }>('deployment', deployment, '-n', system)
  const { items } = await get<{ items: PodObject[] }>('pods', '-n', system)
  const found = items.filter(({ metadata }) => metadata.name.startsWith(`${deployment}-`))
  const visitor = await stage.in('outside', 'visitor')
  await kubectl(['scale', `deployment/${deployment}`, '-n', system, '--replicas=0'])
  const kill = ['--grace-period=0', '--force', '--ignore-not-found']
  await kubectl([
    'delete',
    'pod',
    '-n',
    system,
    ...kill,
    ...found.map(({ metadata }) => metadata.name),
  ])
  // The API server forgets a pod before its processes are gone.
  for (const { status } of found) {
    const answers = async (): Promise<boolean> =>
      ['closed', 'silent'].includes(
        await visitor.dial(status.podIPs?.[0]?.ip ?? '', ports[name], '?'),
      )
    await until(`${name} to be gone`, async () => !(await answers()), 20_000)
  }
  try {
    await run()
  } finally {
    const replicas = `--replicas=${spec.replicas}`
    await kubectl(['scale', `deployment/${deployment}`, '-n', system, replicas])
    await check(`${name} is back`, () => rolledOut(system, deployment, 60))
  }
}

export async function authorityAway(stage: Stage): Promise<void> {
  const cached = await stage.token('alice')
  expectAnswer(await visit(stage, { ...look, token: cached }), 200)
  const fresh = await stage.token('alice')
  await without(stage, 'authority', async () => {
    await check('authority killed; tokens that sidecars have are served', async () =>
      expectAnswer(await visit(stage, { ...look, token: cached }), 200),
    )
    await check('authority killed; a new token is 503, never 401', async () =>
      expectAnswer(await visit(stage, { ...look, token: fresh }), 503, 'authority_unavailable'),
    )
  })
  await check('a new token again, with no help', () =>
    untilAnswer(() => visit(stage, { ...look, token: fresh }), { status: 200 }),
  )
}

export async function controllerAway(
  stage: Stage,
  api: KubeClient,
  local: LocalCluster | undefined,
): Promise<void> {
  const bob = await stage.token('bob')
  await without(stage, 'controller', async () => {
    await check('controller killed; the last policy holds, for a new user as well', async () =>
      expectAnswer(await visit(stage, { ...look, token: await stage.token('bob') }), 200),
    )
    await check('a policy that is edited now waits', async () => {
      await letOrdersBeRead(api, false)
      return expectAnswer(await visit(stage, { ...look, token: bob }), 200)
    })
    await sidecarRestarts(stage, local)
    await check('a new pod waits in Init, and its app does not start', async () => {
      const container = { command: idle }
      const spec = { serviceAccountName: 'reports' }
      await apply(pod({ name: 'waiting', namespace: 'shop', container, spec }))
      await new Promise((resolve) => setTimeout(resolve, 3000))
      const [found] = await pods('shop', 'app=waiting')
      const app = found?.status.containerStatuses?.find(({ name }) => name === 'app')
      if (found?.status.phase !== 'Pending' || app?.ready === true) {
        throw new Error(JSON.stringify(found?.status))
      }
    })
  })
  await check('the new pod starts', async () => {
    await kubectl(['wait', '-n', 'shop', '--for=condition=Ready', 'pod/waiting', '--timeout=40s'])
    await kubectl(['delete', 'pod', 'waiting', '-n', 'shop', '--wait=false'])
  })
  await check('the edit of meanwhile is enforced', () =>
    untilAnswer(() => visit(stage, { ...look, token: bob }), noRule),
  )
  await letOrdersBeRead(api, true)
  await check('and taken back', () =>
    untilAnswer(() => visit(stage, { ...look, token: bob }), { status: 200 }),
  )
}

/** The container of a sidecar dies while nobody could give it a policy. */
async function sidecarRestarts(stage: Stage, local: LocalCluster | undefined): Promise<void> {
  const name = "orders' sidecar killed while no controller answers: back, with its policy"
  const sidecar = async (): Promise<{ id: string; restarts: number; ready: boolean }> => {
    const [found] = await pods('shop', 'app=orders')
    const status = found?.status.initContainerStatuses?.find(
      (each) => each.name === 'tokenward-sidecar',
    )
    return {
      id: status?.containerID ?? '',
      restarts: status?.restartCount ?? 0,
      ready: status?.ready ?? false,
    }
  }
  if (local === undefined) {
    skip(name, "it takes the node's own container runtime")
    return
  }
  await check(name, async () => {
    const before = await sidecar()
    await local.kill(before.id)
    const killed = performance.now()
    const token = await stage.token('bob')
    const web = (): ReturnType<typeof visit> => visit(stage, { ...look, token })
    await untilAnswer(web, { status: 200 }, 40_000)
    const after = await sidecar()
    if (after.restarts <= before.restarts) throw new Error('it was not killed')
    return `served after ${((performance.now() - killed) / 1000).toFixed(1)} s`
  })
}

export async function webhookAway(stage: Stage): Promise<void> {
  await without(stage, 'webhook', async () => {
    await check('webhook killed; running pods go on', async () =>
      expectAnswer(await visit(stage, { ...look, token: await stage.token('bob') }), 200),
    )
    await check(
      'webhook killed; a pod that needs a sidecar is refused, not let in bare',
      async () => {
        const spec = { serviceAccountName: 'reports' }
        await refusal(() => apply(pod({ name: 'bare', namespace: 'shop', spec })))
      },
    )
    await check('webhook killed; a policy is refused, not taken unread', async () => {
      await refusal(() => apply(policy('shop', 'unread', [{ name: 'web' }], 'reports')))
    })
    await check('webhook killed; pods elsewhere start', async () => {
      const spec = { serviceAccountName: 'default' }
      await apply(pod({ name: 'elsewhere', namespace: 'outside', spec }))
      await kubectl(['delete', 'pod', 'elsewhere', '-n', 'outside', '--wait=false'])
    })
  })
  await check('a pod is injected again', async () => {
    const spec = { serviceAccountName: 'reports' }
    await apply(pod({ name: 'again', namespace: 'shop', spec }))
    await kubectl(['wait', '-n', 'shop', '--for=condition=Ready', 'pod/again', '--timeout=40s'])
    await kubectl(['delete', 'pod', 'again', '-n', 'shop', '--wait=false'])
  })
}

export async function apiServerAway(
  stage: Stage,
  api: KubeClient,
  local: LocalCluster | undefined,
): Promise<Absence[]> {
  if (local === undefined) {
    skip('API server killed and back', 'it is not ours to kill')
    return []
  }
  const bob = await stage.token('bob')
  const { spec } = await get<{ spec: { clusterIP: string } }>('service', 'web', '-n', 'shop')
  const url = `http://${spec.clusterIP}/purchases/1`
  // Nothing can be run in a pod while it is away, so this one calls from the node.
  const here = await openHere()
  try {
    await local.stop('apiserver')
    await check('API server away; the shop goes on', async () =>
      expectAnswer(await here.call({ method: 'GET', url, token: bob }), 200),
    )
    await check('API server away for 15 s; the shop still goes on', async () => {
      await new Promise((resolve) => setTimeout(resolve, 15_000))
      return expectAnswer(await here.call({ method: 'GET', url, token: bob }), 200)
    })
  } finally {
    local.start('apiserver')
    here.close()
  }
  const fromIso = new Date().toISOString()
  const ready = (): Promise<boolean> =>
    kubectl(['get', '--raw', '/readyz']).then(
      () => true,
      () => false,
    )
  await until('the API server to be ready', ready, 60_000)
  const absence = { fromIso, toIso: new Date().toISOString() }
  await check('API server back; an edit is enforced', async () => {
    await letOrdersBeRead(api, false)
    return untilAnswer(() => visit(stage, { ...look, token: bob }), noRule, 60_000)
  })
  await letOrdersBeRead(api, true)
  await check('and taken back', () =>
    untilAnswer(() => visit(stage, { ...look, token: bob }), { status: 200 }, 60_000),
  )
  await check('nothing of ours was restarted over it', async () => {
    const { items } = await get<{ items: PodObject[] }>('pods', '-n', system)
    const restarted = items.filter(({ status }) =>
      status.containerStatuses?.some(({ restartCount }) => restartCount > 0),
    )
    if (restarted.length > 0)
      throw new Error(restarted.map(({ metadata }) => metadata.name).join(' '))
  })
  return [absence]
}
