import type { TrustedIssuer } from '../api/types.ts'
import type { IssuerTrust, JsonWebKeyRow } from '../token/claims.ts'
import { createReader, labelName, matching, omitted } from './problem.ts'
import type { Problem, Reader } from './problem.ts'

/** A TrustedIssuer as it was understood, with every default filled in. */
export interface ReadIssuer extends Omit<IssuerTrust, 'foreignPrefixes' | 'audiences'> {
  /** Audience -> the Services (`namespace/name`) that accept it. */
  readonly audiences: ReadonlyMap<string, readonly string[]>
}

const defaultAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA']
const algorithms = /^(?:ES|RS|PS)(?:256|384|512)$|^EdDSA$/
/** What only our own authority and the API server may name. */
const reservedPrefix = /^(?:spiffe:\/\/|client:|system:)/i
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const bounded = matching(/^[^\0]{1,512}$/, 'a text of 1 to 512 characters')

/** Reads a TrustedIssuer strictly: with one problem nothing of it counts. */
export function readIssuer(resource: TrustedIssuer): {
  readonly issuer?: ReadIssuer
  readonly problems: readonly Problem[]
} {
  const reader = createReader()
  const { name } = resource.metadata
  const spec = reader.object(resource.spec, 'spec', [
    'issuer',
    'keys',
    'audiences',
    'algorithms',
    'subjectPrefix',
    'claims',
  ])
  if (spec === undefined) return { problems: reader.problems }
  const identifier = reader.text(spec['issuer'], 'spec.issuer', bounded) ?? ''
  const keys = readKeys(reader, spec['keys'])
  const audiences = readAudiences(reader, spec['audiences'])
  const allowed = reader.texts(omitted(spec['algorithms'], defaultAlgorithms), 'spec.algorithms', {
    min: 1,
    max: 16,
    check: matching(algorithms, 'an asymmetric signature algorithm'),
  })
  const subjectPrefix = reader.text(
    omitted(spec['subjectPrefix'], `${name}:`),
    'spec.subjectPrefix',
    (text) => (reservedPrefix.test(text) ? 'begins with a reserved prefix' : undefined),
  )
  const claims =
    reader.object(omitted(spec['claims'], {}), 'spec.claims', ['subject', 'groups']) ?? {}
  const subjectClaim = reader.text(
    omitted(claims['subject'], 'sub'),
    'spec.claims.subject',
    bounded,
  )
  const groupsClaim =
    claims['groups'] === undefined
      ? undefined
      : reader.text(claims['groups'], 'spec.claims.groups', bounded)
  if (reader.problems.length > 0) return { problems: reader.problems }
  const issuer: ReadIssuer = {
    name,
    issuer: identifier,
    ...keys,
    algorithms: [...new Set(allowed)].sort(),
    subjectPrefix: subjectPrefix ?? '',
    subjectClaim: subjectClaim ?? 'sub',
    ...(groupsClaim === undefined ? {} : { groupsClaim }),
    audiences,
  }
  return { issuer, problems: [] }
}

function readKeys(reader: Reader, value: unknown): Pick<ReadIssuer, 'jwks' | 'jwksUri'> {
  const keys = reader.object(value, 'spec.keys', ['jwks', 'jwksUri'])
  if (keys === undefined) return {}
  if (Object.keys(keys).length !== 1) {
    reader.report('spec.keys', 'is not exactly one of jwks and jwksUri')
    return {}
  }
  if (keys['jwksUri'] !== undefined) {
    const jwksUri = reader.text(keys['jwksUri'], 'spec.keys.jwksUri', (text) =>
      /^https?:\/\//.test(text) && URL.canParse(text) ? undefined : 'is not an http(s) URL',
    )
    return jwksUri === undefined ? {} : { jwksUri }
  }
  const jwks = reader.object(keys['jwks'], 'spec.keys.jwks', ['keys'])
  if (jwks === undefined) return {}
  const rows = reader.list(jwks['keys'], 'spec.keys.jwks.keys', { min: 1, max: 32 }) ?? []
  const read = rows.flatMap((row, i): JsonWebKeyRow[] => {
    const key = readKey(reader, row, `spec.keys.jwks.keys[${i}]`)
    return key === undefined ? [] : [key]
  })
  return { jwks: { keys: read } }
}

function readKey(reader: Reader, value: unknown, field: string): JsonWebKeyRow | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return reader.report(field, 'is not an object')
  }
  for (const member of privateMembers) {
    if (Object.hasOwn(value, member)) return reader.report(field, 'is not a public key')
  }
  return value as JsonWebKeyRow
}

function readAudiences(reader: Reader, value: unknown): ReadonlyMap<string, readonly string[]> {
  const audiences = new Map<string, string[]>()
  const rows = reader.list(value, 'spec.audiences', { min: 1, max: 64 }) ?? []
  for (const [i, row] of rows.entries()) {
    const field = `spec.audiences[${i}]`
    const entry = reader.object(row, field, ['value', 'services'])
    if (entry === undefined) continue
    const audience = reader.text(entry['value'], `${field}.value`, bounded)
    const services = reader.list(entry['services'], `${field}.services`, { min: 1, max: 64 }) ?? []
    const names = services.flatMap((service, j) => {
      const at = `${field}.services[${j}]`
      const ref = reader.object(service, at, ['namespace', 'name'])
      if (ref === undefined) return []
      const namespace = reader.text(ref['namespace'], `${at}.namespace`, labelName)
      const name = reader.text(ref['name'], `${at}.name`, labelName)
      return namespace === undefined || name === undefined ? [] : [`${namespace}/${name}`]
    })
    if (audience === undefined) continue
    const all = [...(audiences.get(audience) ?? []), ...names]
    audiences.set(audience, [...new Set(all)].sort())
  }
  return audiences
}
