import type { FieldPath } from '../config/yaml.ts'
import { listOf, mapOf, type Loose } from './loose.ts'
import type { Finding } from './problem.ts'

/** RFC 7518 6.2.2, 6.3.2, 6.4.1, RFC 8037 2: members that only a private or symmetric key has. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const keyTypes = ['EC', 'RSA', 'OKP']
/** Beginnings of subjects that no issuer may speak of (api.md). */
const reserved = /^(?:spiffe:\/\/|client:|system:)/i

/** What the schema cannot say about a TrustedIssuer. Messages never repeat a key. */
export function checkIssuer(spec: unknown, name: string): Finding[] {
  const { issuer, keys, subjectPrefix } = mapOf(spec)
  const { jwks, jwksUri } = mapOf(keys)
  const findings: Finding[] = []
  const report = (path: FieldPath, message: string | undefined): void => {
    if (message !== undefined) findings.push({ path: ['spec', ...path], message })
  }
  if (typeof issuer === 'string') report(['issuer'], urlProblem(issuer, 'identifier'))
  if (typeof jwksUri === 'string') report(['keys', 'jwksUri'], urlProblem(jwksUri, 'address'))
  const prefix = subjectPrefix ?? `${name}:`
  if (typeof prefix === 'string' && reserved.test(prefix)) {
    report(['subjectPrefix'], 'begins with spiffe://, client: or system:, which no issuer may say')
  }
  const rows = listOf(mapOf(jwks)['keys'])
  for (const [index, row] of rows.entries()) {
    report(['keys', 'jwks', 'keys', index], keyProblem(mapOf(row), rows.slice(0, index)))
  }
  return findings
}

/** An issuer identifier has no query and fragment (RFC 8414 2); an address may have a query. */
function urlProblem(text: string, use: 'identifier' | 'address'): string | undefined {
  // The schema refuses what does not begin like one.
  if (!/^https?:\/\//.test(text)) return undefined
  if (!URL.canParse(text)) return 'is not a URL'
  const url = new URL(text)
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return 'must begin with https:// (http:// is for loopback addresses)'
  }
  if (url.username !== '' || url.password !== '') return 'must not carry credentials'
  if (text.includes('#')) return 'must not have a fragment'
  if (use === 'identifier' && text.includes('?')) return 'must not have a query'
  return undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function keyProblem(key: Loose, earlier: readonly unknown[]): string | undefined {
  const { kty, kid } = key
  if (kty === 'oct') return 'is a symmetric key: whoever verifies could sign'
  if (secretMembers.some((member) => Object.hasOwn(key, member))) {
    return 'shows its private part: publish public keys only, and replace this one'
  }
  if (typeof kty !== 'string' || !keyTypes.includes(kty)) {
    return `must have a kty of ${keyTypes.join(', ')}`
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return 'must have a text as kid'
  const repeats = kid !== undefined && earlier.some((other) => mapOf(other)['kid'] === kid)
  return repeats ? 'repeats the kid of an earlier key' : undefined
}
