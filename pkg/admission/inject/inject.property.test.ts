import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectKept } from '../../../test/support/kept.ts'
import { applyPatch, injectConfig as config, namespaceOf } from '../../../test/support/pods.ts'
import { mapOf, type Json } from '../json.ts'
import { inject } from './inject.ts'

/** Members that nobody here knows, as deep as they like. */
const unknown = fc.dictionary(
  fc.stringMatching(/^x-[a-z/~"]{1,6}$/),
  fc.jsonValue({ maxDepth: 2 }),
  {
    maxKeys: 3,
  },
)
const withUnknown = <T extends object>(known: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.tuple(unknown, known).map(([more, value]) => ({ ...more, ...value }))
const port = fc.oneof(
  fc.integer({ min: 1, max: 15_399 }),
  fc.constantFrom('http', 'admin', '8080', 'nobody'),
)
const handler = fc.oneof(
  fc.record({
    httpGet: withUnknown(
      fc.record(
        { port, path: fc.constantFrom('/', '/a?b=$(X)$$', ''), scheme: fc.constant('HTTPS') },
        { requiredKeys: ['port'] },
      ),
    ),
  }),
  fc.record({ tcpSocket: withUnknown(fc.record({ port, host: fc.constantFrom('', 'db') })) }),
  fc.record({ grpc: withUnknown(fc.record({ port: fc.integer({ min: 1, max: 9999 }) })) }),
  fc.record({ exec: fc.record({ command: fc.constant(['true']) }) }),
)
const probe = fc
  .tuple(handler, unknown, fc.record({ timeoutSeconds: fc.nat(60) }, { requiredKeys: [] }))
  .map(([one, more, timing]) => ({ ...more, ...timing, ...one }))
const container = (name: string): fc.Arbitrary<Json> =>
  withUnknown(
    fc.record(
      {
        name: fc.constant(name),
        restartPolicy: fc.constant('Always'),
        ports: fc.constant([{ name: 'http', containerPort: 8080 }]),
        startupProbe: probe,
        readinessProbe: probe,
        livenessProbe: probe,
        env: fc.array(fc.constantFrom({ name: 'HTTP_PROXY', value: 'x' }, { name: 'A' }), {
          maxLength: 2,
        }),
      },
      { requiredKeys: ['name'] },
    ),
  )
const containers = (prefix: string, min: number): fc.Arbitrary<Json[]> =>
  fc
    .integer({ min, max: 3 })
    .chain((count) =>
      fc.tuple(...Array.from({ length: count }, (_, index) => container(`${prefix}${index}`))),
    )
const annotations = fc.oneof(
  fc.constant({}),
  fc.constant({ 'tokenward.dev/interception': 'explicit' }),
  fc.constant({
    'tokenward.dev/interception': 'explicit',
    'tokenward.dev/inbound': '8080:8081,1:2',
  }),
  fc.constant({ 'tokenward.dev/exclude-inbound-ports': '8080', 'a/b~c': 'x' }),
)
const pods: fc.Arbitrary<Json> = withUnknown(
  fc.record({
    metadata: withUnknown(fc.record({ annotations }, { requiredKeys: [] })),
    spec: withUnknown(
      fc.record(
        {
          containers: containers('app', 1),
          initContainers: containers('init', 0),
          volumes: fc.array(withUnknown(fc.record({ name: fc.constant('v') })), { maxLength: 2 }),
        },
        { requiredKeys: ['containers'] },
      ),
    ),
  }),
)
const context = { namespace: namespaceOf(), config }

function injected(pod: Json): Json {
  const injection = inject(pod, context)
  if (injection.kind !== 'inject') throw new Error(JSON.stringify(injection))
  return applyPatch(pod, injection.operations)
}

describe('whatever a pod has in it', () => {
  test('all of it is there afterwards, and a second pass has nothing to do', () => {
    fc.assert(
      fc.property(pods, (pod) => {
        const result = injected(pod)
        expectKept(pod, result)
        expect(inject(result, context)).toMatchObject({ kind: 'inject', operations: [] })
      }),
      { numRuns: 200 },
    )
  })

  test('what another webhook adds later gives the pod that it would have given before', () => {
    const late = fc.tuple(pods, container('late'), fc.boolean())
    fc.assert(
      fc.property(late, ([pod, added, isFirst]) => {
        const list = isFirst ? 'initContainers' : 'containers'
        const add = (to: Json): Json => {
          const spec = mapOf(to['spec'])
          const before = (spec[list] ?? []) as Json[]
          return {
            ...to,
            spec: { ...spec, [list]: isFirst ? [added, ...before] : [...before, added] },
          }
        }
        const later = injected(add(injected(pod)))
        expect(later).toEqual(injected(add(pod)))
      }),
      { numRuns: 200 },
    )
  })

  test('a pod that is none at all is no mistake of ours', () => {
    const json = fc.jsonValue({ maxDepth: 4 })
    const parts = fc.record({
      metadata: fc.oneof(json, fc.record({ labels: json, annotations: json })),
      spec: fc.oneof(
        json,
        fc.record({ containers: fc.array(json), initContainers: json, volumes: fc.array(json) }),
      ),
    })
    fc.assert(
      fc.property(fc.oneof(json, parts), (pod) => {
        expect(['inject', 'refuse', 'skip']).toContain(inject(pod, context).kind)
      }),
    )
  })
})
