/** A probe of the kubelet, as the pod's author wrote it; ports are numbers by then. */
export interface Probe {
  readonly httpGet?: HttpGet
  readonly tcpSocket?: { readonly port: number }
  readonly grpc?: { readonly port: number; readonly service?: string }
  readonly timeoutSeconds: number
}

export interface HttpGet {
  readonly port: number
  readonly path: string
  readonly scheme: 'HTTP' | 'HTTPS'
  readonly httpHeaders: readonly { readonly name: string; readonly value: string }[]
}

/** Path at our probe port -> the probe that is made for it. */
export type Probes = ReadonlyMap<string, Probe>

const pathForm = /^\/probes\/[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\/(?:startup|readiness|liveness)$/
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Reads the setting that injection wrote; undefined where it is not of that form. */
export function readProbes(text: string): Probes | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const entries = Object.entries(mapOf(value))
    return new Map(entries.map(([path, probe]) => [matching(path, pathForm), readProbe(probe)]))
  } catch {
    return undefined
  }
}

function readProbe(value: unknown): Probe {
  const { httpGet, tcpSocket, grpc, timeoutSeconds = 1, ...more } = mapOf(value)
  const kinds = [httpGet, tcpSocket, grpc].filter((kind) => kind !== undefined)
  if (kinds.length !== 1 || Object.keys(more).length > 0) throw new Error('not one probe')
  return {
    timeoutSeconds: integer(timeoutSeconds, 1, 86_400),
    ...(httpGet === undefined ? {} : { httpGet: readHttpGet(httpGet) }),
    ...(tcpSocket === undefined ? {} : { tcpSocket: { port: portOf(mapOf(tcpSocket)) } }),
    ...(grpc === undefined ? {} : { grpc: readGrpc(grpc) }),
  }
}

function readHttpGet(value: unknown): HttpGet {
  const { port, path = '/', scheme = 'HTTP', httpHeaders = [] } = mapOf(value)
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') throw new Error('not a scheme')
  if (typeof path !== 'string' || !Array.isArray(httpHeaders)) throw new Error('not a request')
  return {
    port: portOf({ port }),
    path: path.startsWith('/') ? path : `/${path}`,
    scheme,
    httpHeaders: httpHeaders.map((header: unknown) => {
      const { name, value: text = '' } = mapOf(header)
      return { name: matching(name, fieldName), value: matching(text, fieldValue) }
    }),
  }
}

function readGrpc(value: unknown): NonNullable<Probe['grpc']> {
  const { port, service = '' } = mapOf(value)
  return { port: portOf({ port }), service: matching(service, /^[\s\S]{0,1024}$/) }
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('not a map')
  }
  return value as Readonly<Record<string, unknown>>
}

function portOf({ port }: { readonly port?: unknown }): number {
  return integer(port, 1, 65_535)
}

function integer(value: unknown, min: number, max: number): number {
  if (!Number.isInteger(value)) throw new Error('not a whole number')
  const number = value as number
  if (number < min || number > max) throw new Error('out of bounds')
  return number
}

function matching(value: unknown, form: RegExp): string {
  if (typeof value !== 'string' || !form.test(value)) throw new Error('not of its form')
  return value
}
