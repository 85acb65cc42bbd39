import { StartError } from '../refusal/exit-codes.ts'
import { generateSigningKey, importSigningKey, type SigningKey } from '../token/keys.ts'
import { signServiceAccount } from '../token/service-account.ts'
import type { Manifest } from './objects.ts'
import type { StatePaths } from './paths.ts'
import { readStateJson, writeStateFile } from './state-file.ts'

/** `iss` of the service-account tokens of local mode; no cluster accepts it. */
const issuer = 'https://tokenward.local/serviceaccounts'
const lifetimeSeconds = 3600
/** A token is rewritten when this part of its life is over, as kubelet does. */
const rewriteSeconds = lifetimeSeconds * 0.8

/** Who a token is for: the pod, by the UIDs of the objects. */
export interface PodIdentity {
  readonly namespace: string
  readonly serviceAccount: string
  readonly serviceAccountUid: string
  readonly pod: string
  readonly podUid: string
}

/** One token file of one pod. */
export interface TokenFile {
  readonly path: string
  readonly audience: 'tokenward:discovery' | 'tokenward:authority'
  readonly identity: PodIdentity
}

/** The key of the issuer that takes the API server's place, made where there is none. */
export function prepareIssuerKey(paths: StatePaths): SigningKey {
  const key = keptKey(paths) ?? generateSigningKey()
  writeStateFile(paths.issuerKey, `${JSON.stringify(key.privateJwk)}\n`)
  writeStateFile(paths.issuerJwks, `${JSON.stringify({ keys: [key.publicJwk] })}\n`)
  return key
}

function keptKey(paths: StatePaths): SigningKey | undefined {
  const jwk = readStateJson(paths.issuerKey)
  if (jwk === undefined) return undefined
  try {
    return importSigningKey(jwk)
  } catch (error) {
    throw new StartError(
      'inputInvalid',
      `${paths.issuerKey} is no key: remove the state folder and start again`,
      error,
    )
  }
}

/** The identity of a pod of these objects. */
export function identityOf(
  objects: readonly Manifest[],
  pod: { readonly namespace: string; readonly name: string; readonly serviceAccount: string },
): PodIdentity {
  const uidOf = (kind: Manifest['kind'], name: string): string => {
    const found = objects.find(
      ({ kind: its, metadata }) =>
        its === kind && metadata.name === name && metadata.namespace === pod.namespace,
    )
    if (found === undefined) throw new Error(`there is no ${kind} ${pod.namespace}/${name}`)
    return found.metadata.uid
  }
  return {
    namespace: pod.namespace,
    serviceAccount: pod.serviceAccount,
    serviceAccountUid: uidOf('ServiceAccount', pod.serviceAccount),
    pod: pod.name,
    podUid: uidOf('Pod', pod.name),
  }
}

/**
 * Writes the token files and keeps them fresh: `refresh` rewrites those that are due, also when the
 * clock has jumped either way. It throws StartError when a file cannot be written; those before it are
 * written, and the next call tries again.
 */
export function createTokenFiles(
  files: readonly TokenFile[],
  key: SigningKey,
): { refresh(nowSeconds: number): void } {
  const writtenAt = new Map<string, number>()
  return {
    refresh(nowSeconds) {
      for (const { path, audience, identity } of files) {
        const written = writtenAt.get(path)
        const fresh =
          written !== undefined && nowSeconds >= written && nowSeconds < written + rewriteSeconds
        if (fresh) continue
        const token = signServiceAccount(
          {
            ...identity,
            issuer,
            audience,
            issuedAtSeconds: nowSeconds,
            expiresAtSeconds: nowSeconds + lifetimeSeconds,
          },
          key,
        )
        writeStateFile(path, token)
        writtenAt.set(path, nowSeconds)
      }
    },
  }
}
