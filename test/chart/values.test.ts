import { expect, test } from 'vitest'
import { renderText } from '../support/helm.ts'

const refused: readonly (readonly [string, string, string])[] = [
  ['a name that is none of the chart', 'imagePullPolicy="Always"', 'imagePullPolicy'],
  ['a mistyped name inside', 'controller.replica=3', 'replica'],
  ['no replica at all', 'webhook.replicas=0', 'replicas'],
  ['a number as text', 'authority.replicas="2"', 'replicas'],
  ['an unknown mode', 'sidecar.interception="transparent"', 'interception'],
  ['an unknown level', 'logLevel="verbose"', 'logLevel'],
  ['an issuer over http', 'authority.issuer="http://authority.example"', 'issuer'],
  ['an issuer with a path', 'authority.issuer="https://authority.example/a"', 'issuer'],
  ['a trust domain in capitals', 'trustDomain="Prod.Example"', 'trustDomain'],
  ['a digest that is none', 'image.digest="sha256:abc"', 'digest'],
  ['an empty repository', 'image.repository=""', 'repository'],
  ['a tag with a space', 'image.tag="a b"', 'tag'],
  ['resources of another kind', 'controller.resources={"claims":[]}', 'claims'],
  ['storage for a sidecar', 'sidecar.resources={"limits":{"ephemeral-storage":"1Gi"}}', 'storage'],
  ['a node selector that is no text', 'nodeSelector={"pool":1}', 'pool'],
  ['a switch that is a word', 'crds.enabled="yes"', 'enabled'],
]

test.each(refused)('%s is refused by name', (_, set, name) => {
  expect(() => renderText([set])).toThrow(name)
})

test('values that parent charts share are let pass', () => {
  expect(() => renderText(['global={"region":"eu"}'])).not.toThrow()
})
