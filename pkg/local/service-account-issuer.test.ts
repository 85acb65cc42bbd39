import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { verifyServiceAccount } from '../token/service-account.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import { statePaths, type StatePaths } from './paths.ts'
import { createTokenFiles, prepareIssuerKey, type TokenFile } from './service-account-issuer.ts'

const identity = {
  namespace: 'shop',
  serviceAccount: 'web',
  serviceAccountUid: 'uid-of-web',
  pod: 'web-0',
  podUid: 'uid-of-pod',
}
const startSeconds = 1_800_000_000

function state(): StatePaths {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-issuer-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return statePaths(folder)
}

function fileIn(paths: StatePaths): TokenFile {
  const { authorityToken } = paths.pod('shop', 'web-0')
  return { path: authorityToken, audience: 'tokenward:authority', identity }
}

test('a token says who the pod is, for one audience, for one hour, and only its owner can read it', () => {
  const paths = state()
  const file = fileIn(paths)
  createTokenFiles([file], prepareIssuerKey(paths)).refresh(startSeconds)
  const { keys } = JSON.parse(readFileSync(paths.issuerJwks, 'utf8')) as { keys: JsonWebKeyRow[] }
  const facts = verifyServiceAccount(readFileSync(file.path, 'utf8'), {
    issuer: 'https://tokenward.local/serviceaccounts',
    keys,
    audience: 'tokenward:authority',
    nowSeconds: startSeconds,
  })
  expect(facts).toEqual({
    ...identity,
    issuedAtSeconds: startSeconds,
    expiresAtSeconds: startSeconds + 3600,
  })
  expect(statSync(file.path).mode & 0o777).toBe(0o600)
  expect(statSync(paths.issuerKey).mode & 0o777).toBe(0o600)
  expect(readFileSync(paths.issuerJwks, 'utf8')).not.toContain('"d"')
})

test.each([
  ['stays while it is fresh', 2879, false],
  ['is written anew at four fifths of its life', 2880, true],
  ['is written anew when the clock has jumped ahead', 10 * 3600, true],
  ['is written anew when the clock has jumped back', -1, true],
])('a token %s', (_name, laterSeconds, renewed) => {
  const paths = state()
  const file = fileIn(paths)
  const files = createTokenFiles([file], prepareIssuerKey(paths))
  files.refresh(startSeconds)
  const before = readFileSync(file.path, 'utf8')
  files.refresh(startSeconds + laterSeconds)
  expect(readFileSync(file.path, 'utf8') !== before).toBe(renewed)
})

test('the key stays from start to start, and a damaged one is named', () => {
  const paths = state()
  const first = prepareIssuerKey(paths)
  expect(prepareIssuerKey(paths).kid).toBe(first.kid)
  writeFileSync(paths.issuerKey, '{"kty":"EC"}')
  expect(() => prepareIssuerKey(paths)).toThrow(/key.json is no key: remove the state folder/)
  writeFileSync(paths.issuerKey, '{"kty"')
  expect(() => prepareIssuerKey(paths)).toThrow(/key.json is damaged: remove the state folder/)
})
