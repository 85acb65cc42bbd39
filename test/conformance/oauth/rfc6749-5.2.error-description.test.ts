// RFC 6749 5.2: "Values for the "error_description" parameter MUST NOT include characters outside the
// set %x20-21 / %x23-5B / %x5D-7E." Ours never hold input either.
import { afterAll, expect, test } from 'vitest'
import { reasons } from '../../../pkg/refusal/reasons.ts'
import { answerRefusal } from '../../../pkg/authority/answers.ts'
import { Refusal } from '../../../pkg/refusal/refusal.ts'
import type { Reason } from '../../../pkg/refusal/reasons.ts'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test.each(Object.keys(reasons) as Reason[])('%s is described within the set', (reason) => {
  const { body } = answerRefusal(new Refusal(reason, { hint: 'Not "this" \\ nor that\u00e9.' }))
  const { error_description: description } = JSON.parse(body) as { error_description: string }
  expect(description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
})

test.each(['grant_type', 'scope', 'audience', 'client_assertion', 'client_id', 'subject_token'])(
  'what came as %s is not in the answer',
  async (name) => {
    const answer = await authority.exchange('orders', 'payments', { [name]: 'x-mark-spot "<b>' })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(JSON.stringify(answer.body)).not.toContain('mark-spot')
  },
)
