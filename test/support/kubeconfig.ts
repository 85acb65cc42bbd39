/** A kubeconfig in a temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface KubeconfigFile extends Disposable {
  readonly path: string
  /** Where the token is, which may be changed. */
  readonly tokenFile: string
}

/** For a server with this root, and a user with a token in a file. */
export function writeKubeconfig(options: {
  readonly url: string
  readonly ca: string
  readonly token: string
  /** In place of the token; PEM, both. */
  readonly client?: { readonly certificate: string; readonly privateKey: string }
}): KubeconfigFile {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-kubeconfig-'))
  const tokenFile = path.join(folder, 'token')
  writeFileSync(tokenFile, options.token)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: {
          server: options.url,
          'certificate-authority-data': Buffer.from(options.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'u', user: userOf(options, tokenFile) }],
    contexts: [{ name: 'd', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'd',
  }
  const file = path.join(folder, 'config')
  writeFileSync(file, JSON.stringify(config))
  return {
    path: file,
    tokenFile,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function userOf({ client }: Parameters<typeof writeKubeconfig>[0], tokenFile: string): object {
  if (client === undefined) {
    return { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }
  }
  return {
    'client-certificate-data': Buffer.from(client.certificate).toString('base64'),
    'client-key-data': Buffer.from(client.privateKey).toString('base64'),
  }
}
