/**
 * A visitor without a sidecar: makes one call, by the issuer's user where one is named, and prints what came back.
 *
 *   visit.ts [--user NAME] METHOD URL [BODY]
 */
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { user: { type: 'string' } },
})
const [method = 'GET', url = '', body] = positionals

const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' })
if (values.user !== undefined) {
  const answer = await fetch(`${process.env['LOGIN']}/token/${values.user}`)
  const { access_token: token } = (await answer.json()) as { access_token: string }
  headers.set('authorization', `Bearer ${token}`)
}
const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
if (!answer.ok) console.log(answer.status)
process.stdout.write(await answer.text())
