import { describe, expect, it } from 'vitest'
import { issuer, shop } from '../../test/support/world.ts'
import type { TrustedIssuer } from '../api/types.ts'
import { compile } from './compile.ts'

describe('a TrustedIssuer', () => {
  const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k' }
  const web = [{ namespace: 'shop', name: 'web' }]
  const verdictOf = (more: object) => {
    const { verdicts } = compile(shop({ issuers: [issuer('corp', more)], policies: [] }))
    if (verdicts[0] === undefined) throw new Error('nothing is said')
    return verdicts[0]
  }

  const table: [string, string, object][] = [
    ['an unknown field', 'spec.maxTokenAge', { maxTokenAge: '1h' }],
    ['no issuer', 'spec.issuer', { issuer: undefined }],
    ['no keys', 'spec.keys', { keys: {} }],
    ['two kinds of keys', 'spec.keys', { keys: { jwksUri: 'https://x', jwks: { keys: [jwk] } } }],
    ['an empty set of keys', 'spec.keys.jwks.keys', { keys: { jwks: { keys: [] } } }],
    ['a private key', 'spec.keys.jwks.keys[0]', { keys: { jwks: { keys: [{ ...jwk, d: 'x' }] } } }],
    [
      'a symmetric key',
      'spec.keys.jwks.keys[0]',
      { keys: { jwks: { keys: [{ kty: 'oct', k: 'x' }] } } },
    ],
    ['an address that is no URL', 'spec.keys.jwksUri', { keys: { jwksUri: 'file:///etc/passwd' } }],
    ['no audience', 'spec.audiences', { audiences: [] }],
    [
      'an audience of no Service',
      'spec.audiences[0].services',
      { audiences: [{ value: 'a', services: [] }] },
    ],
    [
      'an unknown field of an audience',
      'spec.audiences[0].any',
      { audiences: [{ value: 'a', services: web, any: true }] },
    ],
    ['an algorithm that is symmetric', 'spec.algorithms[0]', { algorithms: ['HS256'] }],
    ['the algorithm none', 'spec.algorithms[0]', { algorithms: ['none'] }],
    ['a reserved prefix', 'spec.subjectPrefix', { subjectPrefix: 'SPIFFE://x/' }],
    ['claims of null', 'spec.claims', { claims: null }],
    ['a prefix of null', 'spec.subjectPrefix', { subjectPrefix: null }],
  ]
  it.each(table)('with %s is Invalid', (_, field, more) => {
    const { conditions, problems } = verdictOf(more)
    expect(conditions).toMatchObject([{ status: 'False', reason: 'Invalid' }])
    expect(problems.map((problem) => problem.field)).toContain(field)
  })

  it('without a mistake is Accepted, with its defaults', () => {
    expect(verdictOf({}).conditions).toMatchObject([{ status: 'True', reason: 'Accepted' }])
    expect(compile(shop()).authority.issuers.issuers).toEqual([
      {
        name: 'corp',
        issuer: 'https://corp.example',
        jwksUri: 'https://corp.example/jwks',
        algorithms: ['ES256', 'EdDSA', 'PS256', 'RS256'],
        subjectPrefix: 'corp:',
        foreignPrefixes: [],
        subjectClaim: 'sub',
        audiences: { shop: ['shop/web'] },
      },
    ])
  })

  const aged = (name: string, year: number | undefined, more = {}): TrustedIssuer => {
    const resource = issuer(name, more)
    if (year === undefined) return resource
    return {
      ...resource,
      metadata: { ...resource.metadata, creationTimestamp: `${year}-01-01T00:00:00Z` },
    }
  }
  const reasons = (issuers: readonly TrustedIssuer[]) =>
    Object.fromEntries(
      compile(shop({ issuers, policies: [] })).verdicts.map(({ name, conditions }) => [
        name,
        conditions[0]?.reason,
      ]),
    )
  const same = { issuer: 'https://same.example' }

  it.each([
    ['the same issuer', same, same],
    ['a prefix that begins the other', { subjectPrefix: 'x' }, { subjectPrefix: 'x:y:' }],
    ['a prefix that the other begins', { subjectPrefix: 'x:y:' }, { subjectPrefix: 'x' }],
    ['the same prefix', { subjectPrefix: 'x' }, { subjectPrefix: 'x' }],
    ['an empty prefix both', { subjectPrefix: '' }, { subjectPrefix: '' }],
  ])('in conflict by %s: the younger gives way', (_, one, other) => {
    const pair = [aged('a', 2026, one), aged('b', 2025, other)]
    expect(reasons(pair)).toEqual({ a: 'Conflicted', b: 'Accepted' })
    expect(reasons(pair.toReversed())).toEqual({ a: 'Conflicted', b: 'Accepted' })
  })

  it('in conflict gives way to the earlier name where the age is the same, or is not known', () => {
    const pair = (ages: (number | undefined)[]) => [
      aged('a', ages[0], same),
      aged('b', ages[1], same),
    ]
    expect(reasons(pair([]))).toEqual({ a: 'Accepted', b: 'Conflicted' })
    expect(reasons(pair([2025, 2025]))).toEqual({ a: 'Accepted', b: 'Conflicted' })
    expect(reasons(pair([undefined, 2025]))).toEqual({ a: 'Conflicted', b: 'Accepted' })
  })

  it('that is Invalid is in nobody’s way', () => {
    const pair = [aged('a', 2025, { ...same, algorithms: [] }), aged('b', 2026, same)]
    expect(reasons(pair)).toEqual({ a: 'Invalid', b: 'Accepted' })
  })

  it('under an empty prefix knows the prefixes of the others', () => {
    const issuers = [issuer('corp'), issuer('empty', { subjectPrefix: '' })]
    expect(reasons(issuers)).toEqual({ corp: 'Accepted', empty: 'Accepted' })
    const trusts = compile(shop({ issuers })).authority.issuers.issuers
    expect(trusts.map(({ foreignPrefixes }) => foreignPrefixes)).toEqual([[], ['corp:']])
  })

  it('has the keys that were fetched, unless it has its own', () => {
    const jwks = new Map([['corp', { keys: [{ kid: 'fetched' }] }]])
    const keysOf = (more: object) =>
      compile(shop({ jwks, issuers: [issuer('corp', more)] })).authority.issuers.issuers[0]?.jwks
        ?.keys
    expect(keysOf({})).toEqual([{ kid: 'fetched' }])
    expect(keysOf({ keys: { jwks: { keys: [jwk] } } })).toEqual([jwk])
  })
})
