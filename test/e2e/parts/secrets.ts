import type { KubeClient } from '../../../pkg/kube/client.ts'
import { check } from '../report.ts'

const namespace = 'tokenward-system'
const withinMs = 30_000

/** Secrets of the control plane that somebody edited by hand: repaired, or told of and left alone. */
export async function editedSecrets(api: KubeClient): Promise<void> {
  const at = (name: string): string => `/api/v1/namespaces/${namespace}/secrets/${name}`
  const read = async (name: string, value: string): Promise<string> => {
    const { data } = await api.request<{ readonly data: Readonly<Record<string, string>> }>({
      method: 'GET',
      path: at(name),
    })
    return data[value] ?? ''
  }
  /** `text` in base64. */
  const write = (name: string, value: string, text: string): Promise<unknown> =>
    api.request({
      method: 'PATCH',
      path: at(name),
      contentType: 'application/merge-patch+json',
      body: { data: { [value]: text } },
    })
  const damaged = Buffer.from('damaged').toString('base64')

  const damageKeys = (what: string): Promise<boolean> =>
    check(
      `signing keys that somebody damaged are told of and left as they are${what}`,
      async () => {
        const whole = await read('tokenward-signing-keys', 'signing.json')
        await write('tokenward-signing-keys', 'signing.json', damaged)
        try {
          const took = await until('an Event says so', () => isTold(api, 'signing.json is damaged'))
          if ((await read('tokenward-signing-keys', 'signing.json')) !== damaged) {
            throw new Error('somebody replaced them')
          }
          return took
        } finally {
          await write('tokenward-signing-keys', 'signing.json', whole)
        }
      },
    )

  await damageKeys('')
  await check('a serving certificate that somebody damaged is made anew', async () => {
    const before = await read('tokenward-webhook-tls', 'tls.crt')
    await write('tokenward-webhook-tls', 'tls.key', damaged)
    return until('it is another', async () => {
      const key = await read('tokenward-webhook-tls', 'tls.key')
      return key !== damaged && (await read('tokenward-webhook-tls', 'tls.crt')) !== before
    })
  })
  // Which is counted in the Event of the first time.
  await damageKeys(', a second time')
}

async function isTold(api: KubeClient, words: string): Promise<boolean> {
  const { items } = await api.request<{ readonly items: readonly { readonly note?: string }[] }>({
    method: 'GET',
    path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
  })
  return items.some(({ note }) => note?.includes(words))
}

/** Gives how long it took. */
async function until(what: string, condition: () => Promise<boolean>): Promise<string> {
  const startedAtMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAtMs > withinMs) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return `after ${Math.ceil(performance.now() - startedAtMs)} ms`
}
