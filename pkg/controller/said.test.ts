import { expect, test } from 'vitest'
import { until } from '../../test/support/until.ts'
import { quietLog } from '../../test/support/discovery.ts'
import { createIndex } from '../discovery/index.ts'
import { createKeySource } from '../issuers/key-source.ts'
import { generateSigningKey } from '../token/keys.ts'
import { allSaid } from './said.ts'

test('a key whose name is longer than a status may hold is shown by its beginning', async () => {
  const { publicJwk } = generateSigningKey()
  const keys = [{ ...publicJwk, kid: 'k'.repeat(300) }]
  const text = (): Promise<string> => Promise.resolve(JSON.stringify({ keys }))
  const keySource = createKeySource({
    fetch: { text, close: () => Promise.resolve() },
    log: quietLog(),
  })
  keySource.track([
    {
      name: 'corp',
      issuer: 'https://login.corp.example',
      subjectPrefix: 'corp:',
      foreignPrefixes: [],
      subjectClaim: 'sub',
      algorithms: ['ES256'],
      audiences: {},
      jwksUri: 'https://login.corp.example/jwks',
    },
  ])
  await until('the keys are fetched', () => keySource.status('corp')?.keyIds.length === 1)
  const trust = { bundle: '', serviceAccounts: { issuer: '', keys: [] } }
  const revision = { epoch: 1, versions: {} }
  const [said] = allSaid(
    {
      snapshot: { revision, trust, resources: [], problems: [], conflicts: [] },
      verdicts: [
        {
          kind: 'TrustedIssuer',
          namespace: '',
          name: 'corp',
          uid: 'corp',
          conditions: [],
          problems: [],
          pods: [],
        },
      ],
    },
    { index: createIndex({ monotonicMs: () => 0 }), keySource },
  )
  keySource.close()
  expect(said?.rest.keys?.keyIds).toEqual(['k'.repeat(256)])
})
