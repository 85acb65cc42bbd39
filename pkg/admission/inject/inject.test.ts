import { describe, expect, test } from 'vitest'
import { applyPatch, injectConfig as config, namespaceOf } from '../../../test/support/pods.ts'
import { listOf, mapOf, type Json } from '../json.ts'
import { inject } from './inject.ts'

const context = { namespace: namespaceOf(), config }
const required = { namespace: namespaceOf({ 'tokenward.dev/inject': 'required' }), config }

interface Change {
  readonly spec?: Json
  readonly app?: Json
  readonly annotations?: Json
  readonly labels?: Json
}

function pod({ spec = {}, app = {}, ...metadata }: Change = {}): Json {
  return { metadata, spec: { containers: [{ name: 'app', image: 'a', ...app }], ...spec } }
}

function injected(raw: Json, where = context): Json {
  const injection = inject(raw, where)
  if (injection.kind !== 'inject') throw new Error(JSON.stringify(injection))
  return applyPatch(raw, injection.operations)
}

function initsOf(raw: Json): Json[] {
  return listOf(mapOf(raw['spec'])['initContainers']).map(mapOf)
}

function withInits(raw: Json, initContainers: readonly Json[]): Json {
  return { ...raw, spec: { ...mapOf(raw['spec']), initContainers } }
}

function problemsOf(raw: Json, where = context): string {
  const injection = inject(raw, where)
  return injection.kind === 'refuse' ? injection.problems.join('\n') : injection.kind
}

const [sidecar = {}, redirect = {}] = initsOf(injected(pod()))

describe('a pod that brings our containers itself', () => {
  const evil = { name: 'early', image: 'e' }

  test('passes where they are ours', () => {
    expect(initsOf(injected(withInits(pod(), [sidecar, redirect])))).toEqual([sidecar, redirect])
  })

  test('gets nothing in front of them', () => {
    const forged = withInits(pod(), [evil, sidecar, redirect])
    expect(initsOf(injected(forged))).toEqual([sidecar, redirect, evil])
    const between = withInits(pod(), [sidecar, evil, redirect])
    expect(initsOf(injected(between))).toEqual([sidecar, redirect, evil])
    const swapped = withInits(pod(), [redirect, sidecar])
    expect(initsOf(injected(swapped))).toEqual([sidecar, redirect])
  })

  test.each<readonly [string, Json]>([
    ['image', { image: 'mine' }],
    ['command', { command: ['sleep'] }],
    ['user', { securityContext: { runAsUser: 15400 } }],
    ['environment', { env: [{ name: 'NODE_OPTIONS', value: '--import=/evil.mjs' }] }],
    ['mounts', { volumeMounts: [{ name: 'evil', mountPath: '/tokenward' }] }],
    ['lifecycle', { lifecycle: { postStart: { exec: { command: ['x'] } } } }],
    ['restart policy', { restartPolicy: undefined }],
    ['probe', { readinessProbe: undefined }],
    ['unknown member', { tomorrow: 1 }],
  ])('cannot choose the %s of its sidecar', (_what, change) => {
    const forged = withInits(pod(), [{ ...sidecar, ...change }, redirect])
    expect(problemsOf(forged)).toContain('tokenward-sidecar is not the one that this webhook makes')
  })

  test('gets arguments of ours, whatever its own were', () => {
    const args = ['--inbound=[::]:80=10.0.0.1:80', '--probes={"/probes/app/liveness":1}']
    const forged = withInits(pod(), [
      { ...sidecar, args },
      { ...redirect, args: [] },
    ])
    expect(initsOf(injected(forged))).toEqual([sidecar, redirect])
  })

  test('keeps no startup probe of its own for the sidecar', () => {
    const startupProbe = { exec: { command: ['true'] } }
    const forged = withInits(pod(), [{ ...sidecar, startupProbe }, redirect])
    expect(initsOf(injected(forged))).toEqual([sidecar, redirect])
  })

  test('waits for the sidecar in redirect, by its startup probe in explicit', () => {
    expect(sidecar).not.toHaveProperty('startupProbe')
    expect(redirect['args']).toContain('--await-sidecar=127.0.0.1:15490')
    const annotations = { 'tokenward.dev/interception': 'explicit' }
    const [alone = {}] = initsOf(injected(pod({ annotations })))
    expect(alone).toMatchObject({ startupProbe: { httpGet: { path: '/startupz', port: 15494 } } })
  })

  test('gets redirect away where it is explicit', () => {
    const annotations = { 'tokenward.dev/interception': 'explicit' }
    const names = initsOf(injected(withInits(pod({ annotations }), [sidecar, redirect]))).map(
      ({ name }) => name,
    )
    expect(names).toEqual(['tokenward-sidecar'])
  })

  test('cannot have two', () => {
    expect(problemsOf(withInits(pod(), [sidecar, sidecar, redirect]))).toContain('there twice')
  })

  test('cannot ask the sidecar for probes that nobody defined', () => {
    const readinessProbe = { httpGet: { path: '/probes/app/readiness', port: 15494 } }
    expect(problemsOf(pod({ app: { readinessProbe } }))).toContain('asks port 15494')
  })
})

describe('a container beside the sidecar', () => {
  test.each<readonly [string, Json, string]>([
    ['its user', { securityContext: { runAsUser: 15400 } }, 'runAsUser: 15400'],
    ['its group', { securityContext: { runAsGroup: 15400 } }, 'runAsGroup: 15400'],
    ['its tokens', { volumeMounts: [{ name: 'tokenward-tokens', mountPath: '/t' }] }, 'alone'],
    ['its state', { volumeMounts: [{ name: 'tokenward-state', mountPath: '/t' }] }, 'alone'],
    ['one of its ports', { ports: [{ containerPort: 15_401 }] }, 'port 15401'],
    ['its name', { name: 'tokenward-sidecar' }, 'rename it'],
  ])('cannot have %s', (_what, app, words) => {
    expect(problemsOf(pod({ app }))).toContain(words)
    const init = { name: 'init', image: 'i', ...app }
    expect(problemsOf(withInits(pod(), [init]))).toContain(
      init.name === 'init' ? words : 'is not the one',
    )
  })

  test.each<readonly [string, Json]>([
    ['another user', { securityContext: { runAsUser: 15_401 } }],
    ['a port beside', { ports: [{ containerPort: 15_500 }] }],
    ['a name that begins alike', { name: 'tokenward-sidecar-2' }],
  ])('can have %s', (_what, app) => {
    expect(problemsOf(pod({ app }))).toBe('inject')
  })

  test('cannot run as the sidecar by what the pod says for all, only by its own word otherwise', () => {
    const spec = { securityContext: { runAsUser: 15_400 } }
    expect(problemsOf(pod({ spec }))).toContain('runAsUser: 15400')
    const app = { securityContext: { runAsUser: 1 } }
    expect(problemsOf(pod({ spec, app }))).toBe('inject')
  })

  test.each(['tokenward:authority', 'tokenward:discovery'])(
    'gets no token of its own for %s',
    (audience) => {
      const sources = [{ serviceAccountToken: { audience, path: 't' } }]
      const spec = { volumes: [{ name: 'mine', projected: { sources } }] }
      expect(problemsOf(pod({ spec }))).toContain('is for the sidecar alone')
    },
  )

  test('may have a token for somebody else', () => {
    const sources = [{ serviceAccountToken: { audience: 'vault', path: 't' } }]
    expect(problemsOf(pod({ spec: { volumes: [{ name: 'v', projected: { sources } }] } }))).toBe(
      'inject',
    )
  })
})

test.each<readonly [string, Json]>([
  ['explicit', { 'tokenward.dev/interception': 'explicit' }],
  ['ports in', { 'tokenward.dev/exclude-inbound-ports': '80' }],
  ['ports out', { 'tokenward.dev/exclude-outbound-ports': '80' }],
  ['networks', { 'tokenward.dev/exclude-outbound-cidrs': '10.0.0.0/8' }],
])('where a sidecar is required, %s is not allowed; elsewhere it is', (_what, annotations) => {
  expect(problemsOf(pod({ annotations }), required)).toContain('is not allowed')
  expect(problemsOf(pod({ annotations }))).toBe('inject')
})

test('only the sidecar mounts the tokens, read-only, and they last an hour', () => {
  const result = injected(pod({ app: { volumeMounts: [] } }))
  const text = JSON.stringify(mapOf(result['spec'])['containers'])
  expect(text).not.toContain('tokenward-tokens')
  const mounts = listOf(sidecar['volumeMounts']).map(mapOf)
  const ofTokens = mounts.filter(({ name }) => name === 'tokenward-tokens')
  expect(ofTokens.map(({ readOnly }) => readOnly)).toEqual([true, true])
  expect(JSON.stringify(redirect)).not.toContain('tokenward-tokens')
  const volumes = JSON.stringify(mapOf(result['spec'])['volumes'])
  expect(volumes.match(/"expirationSeconds":3600/g)).toHaveLength(2)
})

test('redirect has the two capabilities that it needs and no other', () => {
  expect(mapOf(redirect['securityContext'])).toMatchObject({
    capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
  })
})

test('a path of a probe is not read as a variable by the kubelet', () => {
  const path = '/a?$(TOKENWARD_CA_BUNDLE)$$'
  const probed = injected(pod({ app: { livenessProbe: { httpGet: { port: 80, path } } } }))
  const args = listOf(initsOf(probed)[0]?.['args']).map(String)
  expect(args.join('')).not.toContain('$')
  const given = args.find((each) => each.startsWith('--probes='))?.slice('--probes='.length)
  expect(JSON.parse(given ?? '')).toMatchObject({ '/probes/app/liveness': { httpGet: { path } } })
})

test('a proxy that a container names is the one of both spellings', () => {
  const annotations = { 'tokenward.dev/interception': 'explicit' }
  const app = { env: [{ name: 'HTTP_PROXY', value: 'http://proxy.example:3128' }] }
  const [container] = listOf(mapOf(injected(pod({ annotations, app }))['spec'])['containers'])
  expect(mapOf(container)['env']).toEqual(
    expect.arrayContaining([
      { name: 'HTTP_PROXY', value: 'http://proxy.example:3128' },
      { name: 'http_proxy', value: '$(HTTP_PROXY)' },
      { name: 'NODE_USE_ENV_PROXY', value: '1' },
    ]),
  )
})

test('what a namespace says holds for its pods, unless they say otherwise', () => {
  const namespace = namespaceOf(undefined, {
    'tokenward.dev/log-level': 'debug',
    'tokenward.dev/unmatched': 'deny',
  })
  const annotations = { 'tokenward.dev/log-level': 'warn' }
  const [made] = initsOf(injected(pod({ annotations }), { namespace, config }))
  expect(made?.['args']).toEqual(expect.arrayContaining(['--unmatched=deny', '--log-level=warn']))
})

test('one webhook of another configuration does not take the work of ours for its own', () => {
  const other = { ...context, config: { ...config, image: 'localhost/tokenward:next' } }
  expect(problemsOf(injected(pod()), other)).toContain('(image)')
})

test('no probe of a pod keeps its sidecar from starting', () => {
  const probing = (httpHeaders: readonly Json[], timeoutSeconds: number): Json =>
    pod({ app: { livenessProbe: { httpGet: { port: 80, httpHeaders }, timeoutSeconds } } })
  expect(problemsOf(probing([{ name: 'X-A', value: '→' }], 1))).toContain('HTTP cannot carry')
  const args = listOf(initsOf(injected(probing([{ name: 'X-A', value: 'é' }], 1e9)))[0]?.['args'])
  const given = args.map(String).find((each) => each.startsWith('--probes='))
  expect(given).toContain('"timeoutSeconds":86400')
})
