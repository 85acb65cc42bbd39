import { inject } from './inject/inject.ts'
import type { InjectConfig } from './inject/config.ts'
import { validate } from './validate.ts'

const probe = { httpGet: { path: '/', port: 'http' } }
const pod = {
  metadata: { labels: {}, annotations: {} },
  spec: {
    containers: ['one', 'two', 'three'].map((name) => ({
      name,
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: probe,
    })),
  },
}
const times = 100

/**
 * Asks itself a few questions before the API server does: the first would otherwise take a tenth of a
 * second and more, because schemas are compiled and code is made fast only when they are used.
 */
export function warm(config: InjectConfig): void {
  const namespace = {
    name: 'warm',
    labels: { 'tokenward.dev/inject': 'enabled' },
    annotations: {},
  }
  for (let n = 0; n < times; n += 1) JSON.stringify(inject(pod, { namespace, config }))
  for (const kind of ['AccessPolicy', 'TrustedIssuer']) {
    const object = {
      apiVersion: 'tokenward.dev/v1alpha1',
      kind,
      metadata: { name: 'warm' },
      spec: {},
    }
    const request = { uid: '', operation: 'CREATE', resource: '', namespace: '', name: '' }
    validate({ ...request, object, oldObject: {} })
  }
}
