import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folders, network } from './places.ts'
import { run } from './run.ts'

const lifetimeDays = '365'

/** The paths of a certificate and its key. */
export function certificate(name: string): { readonly crt: string; readonly key: string } {
  return { crt: join(folders.pki, `${name}.crt`), key: join(folders.pki, `${name}.key`) }
}

/** The pair that signs and checks service-account tokens. */
export const serviceAccountKeys = {
  private: join(folders.pki, 'accounts.key'),
  public: join(folders.pki, 'accounts.pub'),
}

const names = {
  apiserver: [
    'kube-apiserver',
    `IP:127.0.0.1,IP:${network.node.v4},IP:${network.node.v6},IP:${network.apiServer},DNS:localhost,` +
      ['', '.default', '.default.svc', '.default.svc.cluster.local']
        .map((suffix) => `DNS:kubernetes${suffix}`)
        .join(','),
  ],
  admin: ['admin/O=system:masters', 'DNS:admin'],
  kubelet: ['system:node:node1/O=system:nodes', `IP:${network.node.v4},DNS:node1`],
} as const

/** A root, and a certificate for each part that proves who it is. They outlive `down`. */
export function makeCertificates(): void {
  const root = certificate('root')
  if (existsSync(serviceAccountKeys.public)) return
  mkdirSync(folders.pki, { recursive: true, mode: 0o700 })
  const openssl = (...words: readonly string[]): string => run(['openssl', ...words])
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ofRoot = ['-keyout', root.key, '-out', root.crt, '-days', lifetimeDays]
  openssl('req', '-x509', ...newKey, ...ofRoot, '-subj', '/CN=one-node-cluster')
  for (const [name, [subject, alternatives]] of Object.entries(names)) {
    const { crt, key } = certificate(name)
    const request = join(folders.pki, `${name}.csr`)
    const extensions = join(folders.pki, `${name}.ext`)
    writeFileSync(
      extensions,
      `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n`,
    )
    openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${subject}`)
    const signed = ['-CA', root.crt, '-CAkey', root.key, '-CAcreateserial', '-days', lifetimeDays]
    openssl('x509', '-req', '-in', request, ...signed, '-extfile', extensions, '-out', crt)
  }
  // RSA, as most clusters have it: our servers must check such tokens.
  openssl('genrsa', '-out', serviceAccountKeys.private, '2048')
  openssl('rsa', '-in', serviceAccountKeys.private, '-pubout', '-out', serviceAccountKeys.public)
}
