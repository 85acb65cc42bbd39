/** A Secret of our own namespace, its values decoded. */
export interface Secret {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** Cannot be changed: of one that somebody made by hand it may be another than ours. */
  readonly type: string
  readonly values: Readonly<Record<string, string>>
}

/** A Secret that cannot be used: the message says which of its values and why, never what is in it. */
export class SecretError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SecretError'
  }
}

/** The Secrets that the leading controller makes, by what they are for. */
export const secretNames = {
  root: 'tokenward-root',
  signingKeys: 'tokenward-signing-keys',
  controller: 'tokenward-controller-tls',
  authority: 'tokenward-authority-tls',
  webhook: 'tokenward-webhook-tls',
} as const

/** Cuts a Secret, as the API server gives it, to what is used. */
export function readSecret(object: unknown): Secret {
  const { metadata, type, data } = object as {
    readonly metadata: { readonly name: string; readonly uid: string; resourceVersion: string }
    readonly type: string
    readonly data?: Readonly<Record<string, string>>
  }
  const values = Object.entries(data ?? {}).map(
    ([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')] as const,
  )
  const { name, uid, resourceVersion } = metadata
  return { name, uid, resourceVersion, type, values: Object.fromEntries(values) }
}

/** The value of that name. Throws SecretError where there is none. */
export function valueIn(secret: Secret, name: string): string {
  const value = secret.values[name]
  if (value === undefined || value === '') throw new SecretError(`${name} is missing`)
  return value
}

/** What is sent to the API server to make a Secret, or, with the one that is there, to replace it. */
export function secretObject(options: {
  readonly namespace: string
  readonly name: string
  readonly values: Readonly<Record<string, string>>
  readonly instead?: Secret
}): object {
  const { namespace, name, values, instead } = options
  const type = 'tls.crt' in values ? 'kubernetes.io/tls' : 'Opaque'
  const data = Object.entries(values).map(
    ([key, value]) => [key, Buffer.from(value).toString('base64')] as const,
  )
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace,
      name,
      labels: { 'app.kubernetes.io/managed-by': 'tokenward-controller' },
      ...(instead === undefined
        ? {}
        : { uid: instead.uid, resourceVersion: instead.resourceVersion }),
    },
    type: instead?.type ?? type,
    data: Object.fromEntries(data),
  }
}
