import type { NamespaceFacts } from '../../pkg/admission/inject/config.ts'
import type { WebhookParts } from '../../pkg/admission/run.ts'
import { createSingleFlight } from '../../pkg/cache/single-flight.ts'
import type { KubeClient } from '../../pkg/kube/client.ts'
import type { CountsOfKind } from '../../pkg/kube/measure.ts'
import { readObject, type KubeList, type KubeMetadata } from '../../pkg/kube/objects.ts'
import { createReflector } from '../../pkg/kube/reflector.ts'
import { pathOf, type Resource } from '../../pkg/kube/resource.ts'
import type { Log } from '../../pkg/telemetry/log.ts'

const resource: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  isNamespaced: false,
}
const nameForm = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
/** Whoever reaches our port can ask about any name: the API server does not pay for that without end. */
const maxUnderWay = 8
const timeoutMs = 3000

/** The namespaces of the cluster: followed, and one by one from the API server where that is too old. */
export function followNamespaces(
  client: KubeClient,
  log: Log,
): WebhookParts['namespaces'] & { counts(): readonly CountsOfKind[]; close(): void } {
  const reflector = createReflector({
    client,
    path: pathOf(resource),
    transform: ({ metadata }) => factsOf(metadata),
    onChange: () => undefined,
    log,
  })
  const flights = createSingleFlight<NamespaceFacts | undefined>()
  let underWay = 0

  const read = async (name: string): Promise<NamespaceFacts | undefined> => {
    if (underWay >= maxUnderWay) throw new Error('too many are being read at once')
    underWay += 1
    try {
      // A list of one, for which the rights that following needs are enough.
      const { items } = await client.request<KubeList>({
        method: 'GET',
        path: pathOf(resource),
        query: { fieldSelector: `metadata.name=${name}`, limit: 1 },
        timeoutMs,
      })
      const [found] = items
      return found === undefined ? undefined : factsOf(readObject(found).metadata)
    } finally {
      underWay -= 1
    }
  }

  reflector.start()
  return {
    get: (name) => reflector.items().get(name),
    fetch: (name) =>
      nameForm.test(name) ? flights.run(name, () => read(name)) : Promise.resolve(undefined),
    problem: () =>
      reflector.synced()
        ? undefined
        : (reflector.problem() ?? 'the namespaces are not all known yet'),
    counts: () => [[resource.kind, reflector.counts()]],
    close: () => reflector.close(),
  }
}

function factsOf({ name, labels = {}, annotations = {} }: KubeMetadata): NamespaceFacts {
  return { name, labels, annotations }
}
