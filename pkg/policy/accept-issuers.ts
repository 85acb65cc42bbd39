import type { TrustedIssuer } from '../api/types.ts'
import type { IssuerTrust } from '../token/claims.ts'
import { readIssuer, type ReadIssuer } from './read-issuer.ts'
import { compareText, inOrder, sortedRecord } from './order.ts'
import { refuse, verdict, type Verdict } from './verdict.ts'
import type { World } from './world.ts'

export interface AcceptedIssuers {
  /** In the order of their names. */
  readonly trusts: readonly IssuerTrust[]
  /** Of every TrustedIssuer, accepted or not. */
  readonly names: ReadonlySet<string>
  readonly verdicts: readonly Verdict[]
}

/**
 * The issuers that are trusted. Of two with the same `issuer`, or with one's subject prefix beginning
 * the other's, the younger gives way (then the later name), so that nobody can take over the users of
 * an issuer that is there. An empty prefix begins every other: there the subjects are judged instead.
 */
export function acceptIssuers(world: World): AcceptedIssuers {
  const verdicts: Verdict[] = []
  const accepted: ReadIssuer[] = []
  for (const resource of inOrder(world.issuers).sort(byAge)) {
    const { issuer, problems } = readIssuer(resource)
    const conflict = issuer && findConflict(issuer, accepted)
    if (issuer === undefined) {
      verdicts.push(refuse(resource, 'Invalid', problems))
    } else if (conflict !== undefined) {
      verdicts.push(refuse(resource, 'Conflicted', [conflict]))
    } else {
      accepted.push(issuer)
      const message = 'its tokens are trusted'
      verdicts.push(verdict(resource, { status: 'True', reason: 'Accepted', message }, {}))
    }
  }
  accepted.sort((one, other) => compareText(one.name, other.name))
  return {
    trusts: accepted.map((issuer) => trustOf(issuer, accepted, world)),
    names: new Set(world.issuers.map(({ metadata }) => metadata.name)),
    verdicts: verdicts.sort((one, other) => compareText(one.name, other.name)),
  }
}

/** Of unknown age is youngest. */
function byAge({ metadata: one }: TrustedIssuer, { metadata: other }: TrustedIssuer): number {
  const [age, otherAge] = [ageOf(one.creationTimestamp), ageOf(other.creationTimestamp)]
  return age === otherAge ? 0 : age < otherAge ? -1 : 1
}

function ageOf(timestamp: string | undefined): number {
  const milliseconds = timestamp === undefined ? Number.NaN : Date.parse(timestamp)
  return Number.isNaN(milliseconds) ? Infinity : milliseconds
}

function findConflict(issuer: ReadIssuer, older: readonly ReadIssuer[]) {
  for (const { name, issuer: identifier, subjectPrefix: prefix } of older) {
    if (name === issuer.name) {
      return { field: 'metadata.name', message: 'another TrustedIssuer has this name' }
    }
    if (identifier === issuer.issuer) {
      return { field: 'spec.issuer', message: `TrustedIssuer ${name} has the same issuer` }
    }
    const own = issuer.subjectPrefix
    const overlap =
      prefix === '' || own === ''
        ? prefix === own
        : own.startsWith(prefix) || prefix.startsWith(own)
    if (overlap) {
      const message = `overlaps the subject prefix of TrustedIssuer ${name}`
      return { field: 'spec.subjectPrefix', message }
    }
  }
  return undefined
}

function trustOf(read: ReadIssuer, accepted: readonly ReadIssuer[], world: World): IssuerTrust {
  const { audiences, jwks: inline, ...issuer } = read
  const jwks = inline ?? (issuer.jwksUri === undefined ? undefined : world.jwks?.get(read.name))
  const others = accepted.filter((other) => other !== read).map((other) => other.subjectPrefix)
  return {
    ...issuer,
    ...(jwks === undefined ? {} : { jwks }),
    foreignPrefixes: issuer.subjectPrefix === '' ? others.filter((p) => p !== '').sort() : [],
    audiences: sortedRecord(audiences),
  }
}
