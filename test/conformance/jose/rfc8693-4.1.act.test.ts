// RFC 8693 4.1: the outermost `act` is the current actor, older ones nest inside it.
import { expect, test } from 'vitest'
import {
  authorityKey,
  exampleVerifier,
  forge,
  nowSeconds,
  ownClaims,
  ownHeader,
} from '../../support/jose.ts'

test('actors are given outermost first, and members beside sub say nothing', () => {
  const act = {
    sub: 'spiffe://c',
    iss: 'x',
    act: { sub: 'spiffe://b', act: { sub: 'spiffe://a' } },
  }
  const token = forge(ownHeader(), ownClaims({ act }), authorityKey)
  const { actors, subject } = exampleVerifier().verify(token, nowSeconds)
  expect(actors).toEqual(['spiffe://c', 'spiffe://b', 'spiffe://a'])
  expect(subject).toBe('corp:alice')
})
