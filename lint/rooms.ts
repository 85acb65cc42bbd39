/**
 * The architecture as data: which room may import which, and which room owns which npm package.
 * ESLint reads it (room-rule.ts), so an arrow that is not here fails `make test`.
 */
export interface Room {
  /** Rooms whose files this room may import. */
  readonly imports: readonly string[]
  /** Rooms of which it may import types only. */
  readonly types?: readonly string[]
  /** npm packages that only this room may import. */
  readonly owns?: readonly string[]
  /** A pure room: no clock, no randomness, no I/O; `node:crypto` where named. */
  readonly pure?: { readonly builtins: readonly string[] }
  /** Narrower than the room: only these files of that room. */
  readonly only?: Readonly<Record<string, readonly string[]>>
}

export const rooms: Readonly<Record<string, Room>> = {
  refusal: { imports: [], pure: { builtins: [] } },
  telemetry: { imports: [], owns: ['pino', 'prom-client'] },
  config: { imports: ['refusal'], owns: ['yaml'] },
  api: { imports: ['refusal', 'config'], owns: ['ajv'] },
  pki: { imports: ['refusal'], owns: ['node-forge'] },
  cache: { imports: [], owns: ['lru-cache'] },
  token: {
    imports: ['refusal', 'cache'],
    owns: ['jose'],
    pure: { builtins: ['node:crypto', 'node:buffer'] },
  },
  policy: {
    imports: ['refusal', 'token'],
    types: ['api'],
    pure: { builtins: ['node:crypto'] },
  },
  http: { imports: ['refusal', 'telemetry'] },
  kube: { imports: ['refusal', 'telemetry', 'cache'], owns: ['@kubernetes/client-node'] },
  redirect: { imports: ['refusal', 'telemetry'] },
  admission: { imports: ['refusal', 'telemetry', 'config', 'http', 'api', 'policy'] },
  issuers: { imports: ['refusal', 'telemetry', 'cache', 'token', 'http'], owns: ['undici'] },
  discovery: { imports: ['refusal', 'telemetry', 'http', 'policy', 'token'] },
  authority: {
    imports: [
      'refusal',
      'telemetry',
      'http',
      'cache',
      'pki',
      'issuers',
      'token',
      'policy',
      'discovery',
    ],
    only: { pki: ['read'] },
  },
  controller: {
    imports: [
      'refusal',
      'telemetry',
      'http',
      'config',
      'api',
      'pki',
      'policy',
      'token',
      'issuers',
      'kube',
      'discovery',
    ],
  },
  proxy: {
    imports: ['refusal', 'telemetry', 'http', 'cache', 'pki', 'token', 'policy', 'discovery'],
    only: { policy: ['path', 'match', 'choose', 'decide', 'workload-policy'], pki: ['read'] },
    owns: ['koffi'],
  },
  local: { imports: ['refusal', 'telemetry', 'config', 'api', 'pki', 'token'] },
  cli: {
    imports: [
      'refusal',
      'telemetry',
      'config',
      'api',
      'pki',
      'cache',
      'token',
      'policy',
      'http',
      'issuers',
      'discovery',
      'authority',
      'controller',
      'proxy',
      'kube',
      'admission',
      'local',
    ],
    owns: ['commander'],
  },
}
