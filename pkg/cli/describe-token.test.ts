import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { describeToken } from './describe-token.ts'

const out = new Writable()

test('claims come in the order in which a reader asks, with the way that the call took', () => {
  const claims = {
    jti: 'one',
    exp: 1_800_000_300,
    iat: 1_800_000_000,
    sub: 'corp:alice',
    aud: 'http://payments.shop.svc.cluster.local',
    act: { sub: 'spiffe://x/orders', act: { sub: 'spiffe://x/web' } },
    anc: [
      { id: 'a', iat: 1, client: 'shop-app', rule: '', grant: '' },
      { id: 'b', iat: 2, client: 'spiffe://x/web', rule: 'shop/orders/web', grant: '' },
    ],
    amr: ['pwd'],
  }
  expect(describeToken(claims, out)).toBe(`CLAIM  VALUE
sub    corp:alice
aud    http://payments.shop.svc.cluster.local
iat    1800000000  2027-01-15T08:00:00.000Z
exp    1800000300  2027-01-15T08:05:00.000Z
jti    one
anc    a  of shop-app
       b  of spiffe://x/web, by shop/orders/web
amr    ["pwd"]

on behalf of corp:alice
  acted spiffe://x/web
    acted spiffe://x/orders  (now)`)
})

test('a token of somebody who acts for himself has no chain', () => {
  expect(describeToken({ sub: 'spiffe://x/web' }, out)).toBe('CLAIM  VALUE\nsub    spiffe://x/web')
})

test('text of whoever signed the token writes nothing on a terminal', () => {
  const text = describeToken(
    {
      sub: 'corp:\u001b]0;alice\u0007',
      'x\u001b[2J': 'a\nb',
      act: { sub: 'spiffe://x/\u009bweb' },
      iat: 1e18,
    },
    out,
  )
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  expect(text).toContain('corp:\\u{1b}]0;alice\\u{7}')
  expect(text).toContain('a\\u{a}b')
  expect(text).toContain('iat')
})
