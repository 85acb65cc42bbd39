/**
 * An API server's wire over a store in memory, as far as the controller uses it: lists, watches with
 * bookmarks, create, replace, server-side apply. For tests that need no real one; test/kube has that.
 */
import https from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { signServiceAccount } from '../../pkg/token/service-account.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { statusOf } from './stub-api.ts'

interface Stored {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation?: number
  }
  readonly [field: string]: unknown
}

interface Place {
  /** `/api/v1/pods`: without the namespace. */
  readonly kind: string
  readonly namespace?: string
  readonly name?: string
  readonly part?: string
}

export interface MemoryApi extends AsyncDisposable {
  readonly kubeconfig: string
  /** `GET /api/v1/pods?watch`, in their order. */
  readonly requests: string[]
  /** Makes or replaces an object, by its path. */
  put(path: string, object: object): void
  remove(path: string): void
  get(path: string): Stored | undefined
  /** Kinds that are not served (404) or may not be read (403), by their path. */
  readonly missing: Set<string>
  readonly forbidden: Set<string>
  /** Kinds that may not be written (403). */
  readonly readOnly: Set<string>
  /** Tells every watch how far it is. */
  bookmark(): void
  /** A projected discovery token of a pod that is there. */
  tokenOf(namespace: string, pod: string): string
}

const issuer = 'https://kubernetes.default.svc'

/** A cluster with no objects. */
export async function startMemoryApi(): Promise<MemoryApi> {
  const root = issueRoot()
  const key = generateSigningKey()
  const { certificate, privateKey } = issueServing({
    root,
    dnsNames: [],
    ipAddresses: ['127.0.0.1'],
  })
  const objects = new Map<string, Stored>()
  const history: { version: number; kind: string; type: string; object: Stored }[] = []
  const watches = new Map<ServerResponse, { kind: string; isWanted: (object: Stored) => boolean }>()
  const requests: string[] = []
  const missing = new Set<string>()
  const forbidden = new Set<string>()
  const readOnly = new Set<string>()
  let version = 100
  let uid = 0

  const keyOf = ({ kind, namespace = '', name = '' }: Place): string =>
    `${kind} ${namespace} ${name}`
  const emit = (kind: string, type: string, object: Stored): void => {
    history.push({ version, kind, type, object })
    for (const [response, watch] of watches) {
      if (watch.kind === kind && watch.isWanted(object))
        response.write(JSON.stringify({ type, object }) + '\n')
    }
  }
  const store = (place: Place, next: Record<string, unknown>): Stored => {
    const before = objects.get(keyOf(place))
    version += 1
    const isSameSpec = JSON.stringify(before?.['spec']) === JSON.stringify(next['spec'])
    const generation = (before?.metadata.generation ?? 0) + (isSameSpec ? 0 : 1)
    const object = {
      ...next,
      metadata: {
        ...(next['metadata'] as object),
        name: place.name ?? '',
        ...(place.namespace === undefined ? {} : { namespace: place.namespace }),
        uid: before?.metadata.uid ?? `uid-${(uid += 1)}`,
        resourceVersion: String(version),
        generation,
      },
    }
    objects.set(keyOf(place), object)
    emit(place.kind, before === undefined ? 'ADDED' : 'MODIFIED', object)
    return object
  }
  const remove = (place: Place): void => {
    const before = objects.get(keyOf(place))
    if (before === undefined) return
    objects.delete(keyOf(place))
    version += 1
    const metadata = { ...before.metadata, resourceVersion: String(version) }
    emit(place.kind, 'DELETED', { ...before, metadata })
  }

  const write = (method: string, place: Place, sent: Stored): { status: number; body: object } => {
    const name = place.name ?? sent.metadata.name
    const at = { ...place, name }
    const before = objects.get(keyOf(at))
    const wanted = (sent.metadata as { readonly resourceVersion?: string }).resourceVersion
    const isConflict =
      method === 'POST'
        ? before !== undefined
        : wanted !== undefined && before?.metadata.resourceVersion !== wanted
    if (isConflict) return { status: 409, body: statusOf(409, 'Conflict') }
    if (method !== 'POST' && before === undefined) {
      return { status: 404, body: statusOf(404, 'NotFound', 'not found', { name }) }
    }
    if (place.part === 'status') {
      return { status: 200, body: store(at, { ...before, status: sent['status'] }) }
    }
    const merged = method === 'PATCH' ? { ...before, ...sent } : sent
    return { status: method === 'POST' ? 201 : 200, body: store(at, merged) }
  }
  const watch = (
    response: ServerResponse,
    kind: string,
    since: number,
    isWanted: (object: Stored) => boolean,
  ): void => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const row of history) {
      const isNew = row.version > since && row.kind === kind && isWanted(row.object)
      if (isNew) response.write(JSON.stringify({ type: row.type, object: row.object }) + '\n')
    }
    watches.set(response, { kind, isWanted })
    response.on('close', () => watches.delete(response))
  }
  const answer = (request: IncomingMessage, response: ServerResponse, text: string): void => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://api')
    const { method = 'GET' } = request
    const isWatch = searchParams.get('watch') === 'true'
    requests.push(`${method} ${pathname}${isWatch ? '?watch' : ''}`)
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (pathname === '/.well-known/openid-configuration') return send(200, { issuer })
    if (pathname === '/openid/v1/jwks') return send(200, { keys: [key.publicJwk] })
    const place = placeOf(pathname)
    if (missing.has(place.kind)) return send(404, statusOf(404, 'NotFound', 'no such kind'))
    const isForbidden = forbidden.has(place.kind) || (method !== 'GET' && readOnly.has(place.kind))
    if (isForbidden) return send(403, statusOf(403, 'Forbidden', 'not allowed'))
    if (method !== 'GET') {
      const { status, body } = write(method, place, JSON.parse(text) as Stored)
      return send(status, body)
    }
    const object = objects.get(keyOf(place))
    if (place.name !== undefined) {
      const { name } = place
      return object === undefined
        ? send(404, statusOf(404, 'NotFound', 'not found', { name }))
        : send(200, object)
    }
    const selected = /^metadata\.name=(.+)$/.exec(searchParams.get('fieldSelector') ?? '')?.[1]
    const isWanted = ({ metadata }: Stored): boolean =>
      (selected === undefined || metadata.name === selected) &&
      (place.namespace === undefined || metadata.namespace === place.namespace)
    if (isWatch) {
      const since = Number(searchParams.get('resourceVersion'))
      return watch(response, place.kind, since, isWanted)
    }
    const items = [...objects]
      .filter(([at, one]) => at.startsWith(`${place.kind} `) && isWanted(one))
      .map(([, one]) => one)
    send(200, {
      kind: 'List',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(version) },
      items,
    })
  }

  const server = https.createServer({ cert: certificate, key: privateKey }, (request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => answer(request, response, text))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfig = writeKubeconfig({ url, ca: root.certificate, token: 'a-token-of-a-test' })
  return {
    kubeconfig: kubeconfig.path,
    requests,
    missing,
    forbidden,
    readOnly,
    put: (path, object) => void store(placeOf(path), { ...object }),
    remove: (path) => remove(placeOf(path)),
    get: (path) => objects.get(keyOf(placeOf(path))),
    bookmark() {
      version += 1
      const object = { metadata: { resourceVersion: String(version) } }
      for (const response of watches.keys())
        response.write(JSON.stringify({ type: 'BOOKMARK', object }) + '\n')
    },
    tokenOf(namespace, pod) {
      const found = objects.get(keyOf(placeOf(`/api/v1/namespaces/${namespace}/pods/${pod}`)))
      const spec = found?.['spec'] as { readonly serviceAccountName: string } | undefined
      const serviceAccount = spec?.serviceAccountName ?? ''
      const account = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}`
      const nowSeconds = Math.floor(Date.now() / 1000)
      return signServiceAccount(
        {
          namespace,
          serviceAccount,
          serviceAccountUid: objects.get(keyOf(placeOf(account)))?.metadata.uid ?? '',
          pod,
          podUid: found?.metadata.uid ?? '',
          issuedAtSeconds: nowSeconds,
          expiresAtSeconds: nowSeconds + 600,
          issuer,
          audience: 'tokenward:discovery',
        },
        key,
      )
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      kubeconfig[Symbol.dispose]()
    },
  }
}

function placeOf(path: string): Place {
  const parts = path.split('/').slice(1)
  const root = parts.splice(0, parts[0] === 'api' ? 2 : 3).join('/')
  const isNamespaced = parts[0] === 'namespaces' && parts.length > 2
  const namespace = isNamespaced ? parts.splice(0, 2)[1] : undefined
  const [plural = '', name, part] = parts
  return {
    kind: `/${root}/${plural}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(part === undefined ? {} : { part }),
  }
}
