/** The objects that the run makes, as short as they can be. */

const image = 'localhost/tokenward-shop:dev'

export interface AppOptions {
  readonly name: string
  readonly namespace: string
  /** A pod's labels beside `app`. */
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** What the containers' list starts with: members of the first container beside the usual. */
  readonly container?: object
  /** Members of the pod's spec beside the usual. */
  readonly spec?: object
}

/** What passes Pod Security `restricted`. */
export const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
} as const

/** Sleeps; what it does is what a session in it does. */
export const idle = ['node', '-e', 'setInterval(() => undefined, 60_000)'] as const

export function namespace(
  name: string,
  labels: Readonly<Record<string, string>> = {},
  annotations: Readonly<Record<string, string>> = {},
): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } }
}

export function serviceAccount(namespace: string, name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }
}

function podTemplate(options: AppOptions): {
  readonly metadata: object
  readonly spec: Readonly<Record<string, unknown>>
} {
  const { name, labels = {}, annotations = {}, env = {}, container = {}, spec = {} } = options
  return {
    metadata: { labels: { app: name, ...labels }, annotations },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: 'app',
          image,
          command: idle,
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          ...container,
        },
      ],
      ...spec,
    },
  }
}

/** A pod of an app. Its service account, called as the app, must be there, or `spec` names another. */
export function pod(options: AppOptions): object {
  const { metadata, spec } = podTemplate(options)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: options.name, namespace: options.namespace, ...metadata },
    spec,
  }
}

export function deployment(options: AppOptions): object {
  const { name, namespace } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { selector: { matchLabels: { app: name } }, template: podTemplate(options) },
  }
}

export function job(options: AppOptions): object {
  const { metadata, spec } = podTemplate(options)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: options.name, namespace: options.namespace },
    spec: { backoffLimit: 0, template: { metadata, spec: { ...spec, restartPolicy: 'Never' } } },
  }
}

/** A Service on port 80 for an app's port 8080, or another. */
export function service(
  namespace: string,
  name: string,
  targetPort: number | string = 8080,
): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      ipFamilyPolicy: 'PreferDualStack',
      selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort }],
    },
  }
}

/** A policy that lets service accounts call every operation of a Service. */
export function policy(
  namespace: string,
  name: string,
  from: readonly { readonly namespace?: string; readonly name: string }[],
  target = name,
): object {
  return {
    apiVersion: 'tokenward.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name, namespace },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: target }],
      rules: [
        {
          name: 'callers',
          from: from.map((account) => ({ serviceAccount: account })),
          scopes: ['call'],
        },
      ],
    },
  }
}
