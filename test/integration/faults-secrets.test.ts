import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { send, type Call } from '../demo/call.ts'
import { startShop, until, type Shop } from '../demo/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
}, 60_000)
afterAll(() => shop.stop(), 30_000)

/** What nobody may ever read in a log, whatever its value. */
const forms = [
  ['a token', /eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]{6,}/],
  ['the parts of a token', /\beyJ[\w-]{30,}/],
  ['a private key in PEM', /-----BEGIN [A-Z ]*PRIVATE KEY/],
  ['a private key in JSON', /\\?"d\\?"\s*:\s*\\?"[\w-]{20,}/],
  ['an assertion', /client_assertion=|subject_token=/],
  ['a handle', /tokenward=[\w-]{16,}/],
  ['a credential', /bearer [\w-]{12,}/i],
] as const

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

/** Everything that the processes show to others: name -> text. */
async function shown(): Promise<Map<string, string>> {
  const texts = new Map<string, string>([['what is printed', shop.printed()]])
  for (const file of filesBelow(shop.stateFolder)) {
    if (/\/(?:logs|status)\/|versions\.json$|local\.json$|service-addresses/.test(file)) {
      texts.set(file, readFileSync(file, 'utf8'))
    }
  }
  for (const { name, pid } of shop.record().processes) {
    for (const what of ['cmdline', 'environ']) {
      const text = readFileSync(`/proc/${pid}/${what}`, 'utf8')
      texts.set(`${what} of ${name}`, text.replaceAll('\0', ' '))
      const admin = /--admin-address(?:=| |\0)(127\.0\.0\.1:\d+)/.exec(text)?.[1]
      for (const page of admin === undefined ? [] : ['metrics', 'policy', 'readyz']) {
        await until(`${page} of ${name}`, async () => {
          const text = await fetch(`http://${admin}/${page}`).then(
            (answer) => answer.text(),
            () => undefined,
          )
          if (text !== undefined) texts.set(`${page} of ${name}`, text)
          return text !== undefined
        })
      }
    }
  }
  return texts
}

/** The secrets of this run that no form tells. */
function secretsOfFiles(): string[] {
  return filesBelow(shop.stateFolder)
    .filter((file) => /\/tokens\/|\.key$|\/issuer\/key|\/keys\//.test(file))
    .map((file) =>
      readFileSync(file, 'utf8')
        .replaceAll(/-----.*-----/g, '')
        .trim(),
    )
    .map((text) => /"d":"([\w-]+)"/.exec(text)?.[1] ?? text.slice(-40))
}

test('no secret is shown by anything, under load and faults', { timeout: 60_000 }, async () => {
  const tokenOf = async (user: string): Promise<string> => {
    const { body } = await send({ method: 'GET', url: `${shop.issuer}/token/${user}` })
    return (body as { access_token: string }).access_token
  }
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  const web = shop.inbound('web')
  const body = { item: 'teapot' }
  const buy = (token: string, more: Partial<Call> = {}): Call => {
    return { method: 'POST', url: `${web}/purchases`, token, body, ...more }
  }
  const stolen = '0123456789abcdef0123456789abcdef'
  const calls: Call[] = [
    buy(alice),
    buy(bob),
    buy(`${alice.slice(0, -9)}AAAAAAAAA`),
    buy('opaque-credential-of-somebody'),
    buy(alice, { url: `${web}/purchases/%2e%2e/${alice}` }),
    buy(alice, { url: `${web}/purchases?access_token=${alice}` }),
    buy(alice, { headers: { 'x-odd': alice, 'tokenward-handle': stolen } }),
    {
      method: 'GET',
      url: 'http://orders.shop/orders/1',
      proxy: shop.proxy('web'),
      headers: {
        tracestate: `tokenward=${stolen}`,
        traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      },
    },
    { method: 'GET', url: 'http://127.0.0.1:1/x', proxy: shop.proxy('web'), token: alice },
    {
      method: 'GET',
      url: `http://nowhere.invalid/${alice}`,
      proxy: shop.proxy('web'),
      token: alice,
    },
  ]
  let over = false
  const lane = async (): Promise<void> => {
    for (let turn = 0; !over; turn += 1) {
      const next = calls[turn % calls.length]
      if (next !== undefined) await send(next).catch(() => undefined)
    }
  }
  const lanes = [lane(), lane(), lane()]
  const pidOf = (name: string): number =>
    shop.record().processes.find((each) => each.name === name)?.pid ?? 0

  // A broken file with secrets in it, and one that is right but for its keys being private.
  const jwk = JSON.stringify({
    kty: 'EC',
    crv: 'P-256',
    x: 'A'.repeat(43),
    y: 'A'.repeat(43),
    d: 'S'.repeat(43),
  })
  writeFileSync(path.join(shop.folder, 'oops.yaml'), `token: ${alice}\nspec: [${alice}\n`)
  writeFileSync(
    path.join(shop.folder, 'private.yaml'),
    `apiVersion: tokenward.dev/v1alpha1\nkind: TrustedIssuer\nmetadata: { name: private }\nspec: { issuer: "https://private.example", audiences: [shop], keys: { jwks: { keys: [${jwk}] } } }\n`,
  )
  for (const name of ['authority', 'sidecar shop/orders', 'controller', 'app shop/payments']) {
    const before = pidOf(name)
    process.kill(before, 'SIGKILL')
    await until(`${name} to be back`, () => pidOf(name) !== 0 && pidOf(name) !== before)
  }
  await until(
    'alice to buy again',
    async () => (await send(buy(alice)).catch(() => undefined))?.status === 201,
  )
  over = true
  await Promise.all(lanes)

  const seen = shop.taps.payments.seen('POST /charges')
  const secrets = [
    ...secretsOfFiles(),
    alice.slice(-40),
    bob.slice(-40),
    stolen,
    'opaque-credential-of-somebody',
    'S'.repeat(43),
    seen?.token?.slice(-40) ?? '',
    seen?.handle ?? '',
  ]
  expect(secrets.length).toBeGreaterThan(15)
  expect(secrets.filter((secret) => secret.length < 16)).toEqual([])
  const texts = await shown()
  expect([...texts.keys()].filter((name) => name.includes('/logs/')).length).toBeGreaterThan(10)
  const found: string[] = []
  for (const [name, text] of texts) {
    for (const [what, form] of forms) if (form.test(text)) found.push(`${what} in ${name}`)
    for (const secret of secrets) {
      if (text.includes(secret)) found.push(`a secret of this run in ${name}`)
    }
  }
  expect(found).toEqual([])
})
