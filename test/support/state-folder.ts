/** A folder of resources and a state folder as local mode makes them, for tests of the controller. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { signServiceAccount } from '../../pkg/token/service-account.ts'

export interface StateFolder extends Disposable {
  /** The user's resources. */
  readonly folder: string
  readonly stateFolder: string
  readonly ca: string
  /** Writes a file of the user's folder, as an editor does: in place. */
  write(name: string, text: string): void
  remove(name: string): void
  /** A discovery token of a pod that `objects` has. */
  token(service: string): string
  authorityToken(): string
}

const issuer = 'https://tokenward.local/serviceaccounts'

/** One namespace `shop`; each service has a service account, a Service and a pod, all of its name. */
export function makeStateFolder(services: readonly string[]): StateFolder {
  const base = mkdtempSync(path.join(tmpdir(), 'tokenward-state-'))
  const folder = path.join(base, 'resources')
  const stateFolder = path.join(base, 'state')
  for (const name of ['objects', 'pki', 'issuer']) {
    mkdirSync(path.join(stateFolder, name), { recursive: true })
  }
  mkdirSync(folder)
  const put = (name: string, text: string): void =>
    writeFileSync(path.join(stateFolder, name), text)

  const root = issueRoot()
  const serving = issueServing({ root, dnsNames: [], ipAddresses: ['127.0.0.1'] })
  put('pki/root.crt', root.certificate)
  put('pki/controller.crt', serving.certificate)
  put('pki/controller.key', serving.privateKey)
  const key = generateSigningKey()
  put('issuer/jwks.json', JSON.stringify({ keys: [key.publicJwk] }))
  const objects = [
    ...objectsOf('tokenward-system', 'tokenward-authority'),
    ...services.flatMap((service) => objectsOf('shop', service)),
  ]
  put(
    'objects/objects.yaml',
    objects.map((object) => JSON.stringify(object)).join('\n---\n') + '\n',
  )

  const tokenOf = (namespace: string, name: string): string => {
    const nowSeconds = Math.floor(Date.now() / 1000)
    return signServiceAccount(
      {
        namespace,
        serviceAccount: name,
        serviceAccountUid: `sa-${name}`,
        pod: `${name}-0`,
        podUid: `pod-${name}`,
        issuedAtSeconds: nowSeconds,
        expiresAtSeconds: nowSeconds + 600,
        issuer,
        audience: 'tokenward:discovery',
      },
      key,
    )
  }
  return {
    folder,
    stateFolder,
    ca: root.certificate,
    write: (name, text) => writeFileSync(path.join(folder, name), text),
    remove: (name) => rmSync(path.join(folder, name)),
    token: (service) => tokenOf('shop', service),
    authorityToken: () => tokenOf('tokenward-system', 'tokenward-authority'),
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  }
}

function objectsOf(namespace: string, name: string): object[] {
  const meta = { namespace, name }
  const labels = { app: name }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...meta, uid: `sa-${name}` } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...meta, uid: `svc-${name}` },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name: `${name}-0`, uid: `pod-${name}`, labels },
      spec: { serviceAccountName: name },
      status: { podIPs: [{ ip: '127.0.0.1' }] },
    },
  ]
}

/** `from` may call `to` with these methods. */
export function policyText(to: string, from: string, methods: readonly string[] = ['GET']): string {
  return `apiVersion: tokenward.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${to}, namespace: shop }
spec:
  targetRefs:
  - { group: "", kind: Service, name: ${to} }
  rules:
  - name: from-${from}
    from:
    - serviceAccount: { name: ${from} }
    scopes: [${to}:use]
    operations:
    - { methods: [${methods.join(', ')}], paths: ["/**"] }
`
}
