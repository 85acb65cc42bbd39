import { expect, test } from 'vitest'
import { issueRoot, issueServing } from '../../pki/issue.ts'
import { readCertificate } from '../../pki/read.ts'
import { makeRoot, readRoot } from './root.ts'
import { readSecret, secretObject, type Secret } from './secret.ts'
import { makeServing, namesOf, readServing, renewalOf } from './serving.ts'

const now = new Date('2026-01-01T00:00:00Z')
const daysLater = (days: number): Date => new Date(now.getTime() + days * 86_400_000)

const secretOf = (values: Readonly<Record<string, string>>, type = 'Opaque'): Secret => ({
  name: 'it',
  uid: 'uid',
  resourceVersion: '1',
  type,
  values,
})
const rootValues = makeRoot(now)
const root = readRoot(secretOf(rootValues), now)
const dnsNames = namesOf('tokenward-controller', 'tokenward-system', 'cluster.local')
const servingValues = makeServing(root, dnsNames, now)

test('what is sent is what is read', () => {
  const object = secretObject({ namespace: 'x', name: 'it', values: servingValues })
  expect(object).toMatchObject({ type: 'kubernetes.io/tls' })
  const stored = { ...object, metadata: { name: 'it', uid: 'uid', resourceVersion: '1' } }
  expect(readSecret(stored)).toEqual(secretOf(servingValues, 'kubernetes.io/tls'))
})

test('a Secret is replaced only as it was seen', () => {
  const instead = secretOf({})
  expect(secretObject({ namespace: 'x', name: 'it', values: {}, instead })).toMatchObject({
    metadata: { uid: 'uid', resourceVersion: '1' },
    type: 'Opaque',
  })
})

test('one that somebody made anew with another type keeps it, for it cannot be changed', () => {
  const instead = secretOf(servingValues)
  const object = secretObject({ namespace: 'x', name: 'it', values: servingValues, instead })
  expect(object).toMatchObject({ type: 'Opaque' })
})

test('a serving Secret serves under every name of its Service, for 90 days', () => {
  const serving = readServing(secretOf(servingValues), now)
  expect(serving.bundle).toBe(rootValues['root.crt'])
  expect(serving.notAfter).toEqual(daysLater(90))
  expect(readCertificate(serving.certificate, 'it').dnsNames).toEqual([
    'tokenward-controller.tokenward-system.svc',
    'tokenward-controller.tokenward-system',
    'tokenward-controller',
    'tokenward-controller.tokenward-system.svc.cluster.local',
  ])
})

const why = (values: Readonly<Record<string, string>>, at = now): string | undefined =>
  renewalOf(secretOf(values), { root, dnsNames, now: at })?.why

test('a good certificate stays as it is until two thirds of its life have passed', () => {
  expect(why(servingValues)).toBeUndefined()
  expect(why(servingValues, daysLater(59))).toBeUndefined()
  expect(why(servingValues, daysLater(61))).toBe('two thirds of its life have passed')
})

test('a certificate that ends with its issuer is not made anew: nothing would be gained', () => {
  const intermediateDays = 1825
  const values = makeServing(root, dnsNames, daysLater(intermediateDays - 60))
  expect(readServing(secretOf(values), daysLater(intermediateDays - 60)).notAfter).toEqual(
    daysLater(intermediateDays),
  )
  expect(why(values, daysLater(intermediateDays - 1))).toBeUndefined()
})

const other = readRoot(secretOf(makeRoot(now)), now)

test.each([
  ['a missing key', { ...servingValues, 'tls.key': '' }, 'tls.key is missing'],
  ['a text that is none', { ...servingValues, 'tls.crt': 'x' }, 'is no PEM certificate'],
  ['another key', { ...servingValues, 'tls.key': issueRoot().privateKey }, 'does not belong'],
  ['another root', makeServing(other, dnsNames, now), 'it is not of a root of ours'],
  ['a name less', makeServing(root, dnsNames.slice(1), now), 'it lacks a name'],
  ['an end', makeServing(root, dnsNames, daysLater(-100)), 'the certificate ended at'],
])('a serving certificate with %s is made anew', (_what, values, said) => {
  expect(why(values)).toContain(said)
  const made = renewalOf(secretOf(values), { root, dnsNames, now })?.values ?? {}
  expect(why(made)).toBeUndefined()
})

test('with a new root beside the old one a certificate stays, and its roots are completed', () => {
  const renewed = readRoot(secretOf(makeRoot(now, root.bundle)), now)
  const renewal = renewalOf(secretOf(servingValues), { root: renewed, dnsNames, now })
  expect(renewal?.why).toBe('the roots have changed')
  expect(renewal?.values['tls.crt']).toBe(servingValues['tls.crt'])
  expect(renewal?.values['ca.crt']).toBe(renewed.bundle)
})

const leaf = issueServing({ root: issueRoot({ now }), dnsNames, ipAddresses: [], now })
test.each([
  ['is empty', {}, 'root.crt is missing'],
  ['has no key', { ...rootValues, 'root.key': '' }, 'root.key is missing'],
  ['has a damaged key', { ...rootValues, 'root.key': 'x' }, 'no PEM key'],
  [
    'has another intermediate',
    { ...makeRoot(now), 'root.crt': rootValues['root.crt'], 'root.key': rootValues['root.key'] },
    'is not of the root',
  ],
  [
    'has a leaf in place of the intermediate',
    { ...rootValues, 'intermediate.crt': leaf.certificate, 'intermediate.key': leaf.privateKey },
    'no certificate that may issue',
  ],
])('a root Secret that %s is refused, without a word of what is in it', (_what, values, said) => {
  const read = (): unknown => readRoot(secretOf(values as Record<string, string>), now)
  expect(read).toThrow(said)
  expect(read).toThrow(/^[^]{1,120}$/)
})
