import { expect, test } from 'vitest'
import { sentenceOf, wordsOf } from './request-words.ts'

const requests: readonly (readonly [string, string, string])[] = [
  ['GET', '/api/v1/pods', 'list pods'],
  ['GET', '/api/v1/namespaces', 'list namespaces'],
  ['GET', '/api/v1/namespaces/shop', 'get namespaces "shop"'],
  ['PATCH', '/api/v1/namespaces/shop/status', 'patch namespaces/status "shop"'],
  ['GET', '/api/v1/namespaces/shop/pods', 'list pods in namespace shop'],
  ['GET', '/api/v1/namespaces/shop/pods/a', 'get pods "a" in namespace shop'],
  [
    'PATCH',
    '/apis/tokenward.dev/v1alpha1/namespaces/shop/accesspolicies/a/status',
    'patch accesspolicies.tokenward.dev/status "a" in namespace shop',
  ],
  [
    'POST',
    '/apis/events.k8s.io/v1/namespaces/shop/events',
    'create events.events.k8s.io in namespace shop',
  ],
  [
    'DELETE',
    '/apis/tokenward.dev/v1alpha1/trustedissuers/a',
    'delete trustedissuers.tokenward.dev "a"',
  ],
  ['GET', '/openid/v1/jwks', 'get /openid/v1/jwks'],
]
test.each(requests)('%s %s is: %s', (method, path, sentence) => {
  expect(sentenceOf(wordsOf(method, path))).toBe(sentence)
})

test('a watch is a verb of its own', () => {
  expect(sentenceOf(wordsOf('GET', '/api/v1/pods', true))).toBe('watch pods')
})
