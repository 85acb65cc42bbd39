import type { KubeClient } from '../../../pkg/kube/client.ts'
import { untilCondition } from '../api.ts'
import { deployment, namespace, pod, policy, serviceAccount } from '../objects.ts'
import { apply, get, kubectl, refusal, rolledOut } from '../kubectl.ts'
import { check } from '../report.ts'
import { expectAnswer, untilAnswer, type Stage } from '../stage.ts'
import { addressOf } from './shop.ts'

export const mallory = 'mallory'

/** A tenant who may write what he likes in his own namespace, and wants what is another's. */
export async function tenants(stage: Stage, api: KubeClient): Promise<void> {
  await apply(
    namespace(mallory, { 'tokenward.dev/inject': 'enabled' }),
    serviceAccount(mallory, 'orders'),
    deployment({ name: 'orders', namespace: mallory }),
  )
  await rolledOut(mallory, 'orders')
  const his = await stage.in(mallory, 'orders')
  const charge = (url: string) => his.call({ method: 'POST', url, body: { cents: 1 } })
  await check('his account is called orders as well, and is not shop/orders', async () =>
    expectAnswer(await charge('http://payments.shop/charges'), 401, 'no_token'),
  )
  await foreignServices(stage, api)
  await check('the real payments is untouched', async () =>
    expectAnswer(await charge('http://payments.shop/charges'), 401, 'no_token'),
  )
  await unknownFields()
  await required()
}

/** Services and slices of his own that lead to pods of others. */
async function foreignServices(stage: Stage, api: KubeClient): Promise<void> {
  const his = await stage.in(mallory, 'orders')
  const victim = await addressOf('shop', 'payments')
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'payments', namespace: mallory },
      spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'payments-by-hand',
        namespace: mallory,
        labels: { 'kubernetes.io/service-name': 'payments' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [{ addresses: [victim], conditions: { ready: true } }],
    },
    policy(mallory, 'payments', [{ name: 'orders' }]),
  )
  await check('a Service without a selector is no target', () =>
    untilCondition(
      api,
      { namespace: mallory, name: 'payments' },
      {
        type: 'Accepted',
        status: 'False',
        reason: 'NoSelector',
      },
    ),
  )
  await check('a slice made by hand leads to the pod of another, who lets nobody in', async () => {
    const call = { method: 'POST', url: `http://payments.${mallory}/charges`, body: { cents: 1 } }
    return untilAnswer(() => his.call(call), { status: 401, reason: 'no_token' })
  })
  await check("another namespace's Service is no target of his", async () => {
    await apply(policy(mallory, 'reports', [{ name: 'orders' }]))
    return untilCondition(
      api,
      { namespace: mallory, name: 'reports' },
      {
        type: 'Accepted',
        status: 'False',
        reason: 'TargetNotFound',
      },
    )
  })
  await check("another Service's audience is not his to claim", async () => {
    const wanted = policy(mallory, 'claim', [{ name: 'orders' }], 'mine') as {
      readonly spec: object
    }
    const audience = 'http://payments.shop.svc.cluster.local'
    const said = await refusal(() => apply({ ...wanted, spec: { ...wanted.spec, audience } }))
    if (!said.includes('audience')) throw new Error(said)
  })
}

async function unknownFields(): Promise<void> {
  const wider = policy('shop', 'wider', [{ name: 'reports' }], 'payments') as {
    readonly spec: { readonly rules: readonly object[] }
  }
  const rules = wider.spec.rules.map((rule) => ({ ...rule, wen: "subject.groups == ['payments']" }))
  const text = JSON.stringify({ ...wider, spec: { ...wider.spec, rules } })
  await check('a condition that is misspelt is refused, also with --validate=false', async () => {
    const words = ['create', '--validate=false', '-f', '-']
    const said = await refusal(() => kubectl(words, text))
    if (!said.includes('wen')) throw new Error(said)
  })
}

/** Where a namespace requires sidecars, nobody opts out or opens a hole. */
async function required(): Promise<void> {
  const strict = 'strict'
  await apply(namespace(strict, { 'tokenward.dev/inject': 'required' }))
  const spec = { serviceAccountName: 'default' }
  const cases = {
    'a label that opts out': { labels: { 'tokenward.dev/inject': 'disabled' } },
    'an inbound exclusion': { annotations: { 'tokenward.dev/exclude-inbound-ports': '8080' } },
    'an outbound exclusion': { annotations: { 'tokenward.dev/exclude-outbound-ports': '80' } },
    'explicit mode': { annotations: { 'tokenward.dev/interception': 'explicit' } },
  }
  for (const [name, change] of Object.entries(cases)) {
    await check(`required: ${name} is refused`, async () => {
      await refusal(() => apply(pod({ name: 'out', namespace: strict, spec, ...change })))
    })
  }
  await check("required: the host's network is refused", async () => {
    const host = { ...spec, hostNetwork: true }
    await refusal(() => apply(pod({ name: 'out', namespace: strict, spec: host })))
  })
  await check('required: a pod that says nothing gets its sidecar', async () => {
    await apply(pod({ name: 'in', namespace: strict, spec }))
    const found = await get<{ spec: { initContainers?: { name: string }[] } }>(
      'pod',
      'in',
      '-n',
      strict,
    )
    const names = found.spec.initContainers?.map(({ name }) => name).join(' ')
    if (names !== 'tokenward-sidecar tokenward-redirect') throw new Error(names)
  })
  await kubectl(['delete', 'namespace', strict, '--wait=false'])
}
