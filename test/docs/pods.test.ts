import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { containerNames } from '../../pkg/admission/inject/names.ts'
import { keys, written } from '../../pkg/api/keys.ts'
import { namespaceOf } from '../support/pods.ts'
import { reviewOf, startNamespaces, startWebhook } from '../support/webhook.ts'

const page = readFileSync('docs/pods.md', 'utf8')

test('every annotation that is read or written is explained, and no other', () => {
  const explained = new Set(page.match(/tokenward\.dev\/[a-z-]+/g))
  explained.delete('tokenward.dev/inject')
  expect([...explained].sort()).toEqual([...Object.values(keys), ...Object.values(written)].sort())
})

test('the containers that a pod gets are named', () => {
  for (const name of containerNames) expect(page).toContain(`\`${name}\``)
})

test('the metrics of the webhook are those of docs/operations.md', async () => {
  await using server = await startWebhook(startNamespaces([namespaceOf()]))
  await server.ask({ body: reviewOf({ kind: 'Pod', spec: {} }) })
  const text = await (await fetch(`${server.webhook.adminUrl}/metrics`)).text()
  const shown = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, metric]) => metric)
  const rows = readFileSync('docs/operations.md', 'utf8').matchAll(/^\| webhook \| `(\w+)` \|/gm)
  expect([...rows].map(([, metric]) => metric).sort()).toEqual(shown.sort())
})
