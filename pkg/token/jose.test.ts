import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { compactVerify, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { corpClaims, corpIssuer, corpTrust, nowSeconds } from '../../test/support/jose.ts'
import type { Algorithm } from './algorithms.ts'
import { importSigningKey, type SigningKey } from './keys.ts'
import { sign } from './sign.ts'
import { createVerifier } from './verify.ts'

const kinds: Readonly<Record<string, () => KeyObject>> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  EdDSA: () => generateKeyPairSync('ed25519').privateKey,
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const claims = fc
  .record({
    sub: text,
    jti: text,
    note: fc.jsonValue({ maxDepth: 3 }),
    exp: fc.integer({ min: nowSeconds, max: nowSeconds + 1e6 }),
  })
  .map((random) => corpClaims(random))

describe.each(Object.entries(kinds))('%s', (alg, generate) => {
  const key: SigningKey = importSigningKey({
    ...generate().export({ format: 'jwk' }),
    alg,
    kid: 'k',
  })
  const algorithm = alg as Algorithm
  const trust = corpTrust({ jwks: { keys: [key.publicJwk] }, algorithms: [algorithm] })
  const verifier = createVerifier({ issuers: [trust] })

  test('what we sign, jose verifies and reads the same', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (payload) => {
        const { payload: bytes, protectedHeader } = await compactVerify(
          sign(payload, key, 'at+jwt'),
          key.publicJwk,
          { algorithms: [alg] },
        )
        expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual(roundTrip(payload))
        expect(protectedHeader).toEqual({ alg, kid: 'k', typ: 'at+jwt' })
      }),
      { numRuns: 25 },
    )
  })

  test('what jose signs, we verify and read the same', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (payload) => {
        const token = await new SignJWT(payload)
          .setProtectedHeader({ alg, kid: 'k', typ: 'JWT' })
          .sign(key.privateKey)
        const bearer = verifier.verify(token, nowSeconds)
        expect(bearer.claims).toEqual(roundTrip(payload))
        expect(bearer.claims['iss']).toBe(corpIssuer)
      }),
      { numRuns: 25 },
    )
  })

  test('what we refuse for its signature, jose refuses', async () => {
    const token = sign(corpClaims(), key, 'at+jwt')
    const start = token.lastIndexOf('.') + 1
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (where, flip) => {
        const signature = Buffer.from(token.slice(start), 'base64url')
        const at = where % signature.length
        signature[at] = (signature[at] ?? 0) ^ flip
        const forged = token.slice(0, start) + signature.toString('base64url')
        expect(() => verifier.verify(forged, nowSeconds)).toThrow(
          expect.objectContaining({ reason: 'token_signature' }),
        )
        await expect(compactVerify(forged, key.publicJwk)).rejects.toThrow()
      }),
      { numRuns: 25 },
    )
  })
})

function roundTrip(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
