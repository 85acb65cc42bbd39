import { join } from 'node:path'

/** Where things are in the state folder of local mode. */
export function statePaths(folder: string): StatePaths {
  const pod = (namespace: string, name: string): string =>
    join(folder, 'pods', `${namespace}.${name}`)
  return {
    folder,
    lock: join(folder, 'lock'),
    local: join(folder, 'local.json'),
    objects: join(folder, 'objects'),
    logs: join(folder, 'logs'),
    serviceAddresses: join(folder, 'service-addresses.json'),
    issuerKey: join(folder, 'issuer', 'key.json'),
    issuerJwks: join(folder, 'issuer', 'jwks.json'),
    signingKey: join(folder, 'keys', 'signing.json'),
    certificate: (name: CertificateName) => join(folder, 'pki', `${name}.crt`),
    privateKey: (name: CertificateName) => join(folder, 'pki', `${name}.key`),
    authority: {
      discoveryToken: join(folder, 'authority', 'tokens', 'discovery'),
      state: join(folder, 'authority', 'state'),
    },
    pod: (namespace: string, name: string) => ({
      discoveryToken: join(pod(namespace, name), 'tokens', 'discovery'),
      authorityToken: join(pod(namespace, name), 'tokens', 'authority'),
      state: join(pod(namespace, name), 'state'),
    }),
  }
}

export type CertificateName = 'root' | 'controller' | 'authority'

/** Every file is named here, once. */
export interface StatePaths {
  readonly folder: string
  readonly lock: string
  readonly local: string
  readonly objects: string
  readonly logs: string
  readonly serviceAddresses: string
  readonly issuerKey: string
  readonly issuerJwks: string
  readonly signingKey: string
  readonly certificate: (name: CertificateName) => string
  readonly privateKey: (name: CertificateName) => string
  readonly authority: { readonly discoveryToken: string; readonly state: string }
  readonly pod: (namespace: string, name: string) => PodPaths
}

interface PodPaths {
  readonly discoveryToken: string
  readonly authorityToken: string
  readonly state: string
}
