import { check } from '../report.ts'
import { deployment } from '../objects.ts'
import { apply, kubectl, rolledOut } from '../kubectl.ts'
import { expectAnswer, type Stage } from '../stage.ts'
import { addressOf } from './shop.ts'

const families = [4, 6] as const
const request = 'GET / HTTP/1.1\r\nHost: orders\r\n\r\n'

/** Ways past a sidecar, from outside the pod and from within. */
export async function around(stage: Stage): Promise<void> {
  const visitor = await stage.in('outside', 'visitor')
  const orders = await stage.in('shop', 'orders')
  await orders.serve('::', 9999)
  await orders.serve('127.0.0.1', 9998)
  for (const family of families) {
    const ip = await addressOf('shop', 'orders', family)
    const host = ip.replace(/^\[(.*)\]$/, '$1')
    await check(`the pod's own address and port, IPv${family}`, async () => {
      const call = { method: 'GET', url: `http://${ip}:8080/orders/1` }
      return expectAnswer(await visitor.call(call), 401, 'no_token')
    })
    await check(`a port that no Service and no policy names, IPv${family}`, async () => {
      const said = await visitor.dial(host, 9999, request)
      if (!/^(closed|HTTP\/1\.1 403)/.test(said)) throw new Error(said)
      return said
    })
    await check(`a port that listens on loopback alone, IPv${family}`, async () => {
      const said = await visitor.dial(host, 9998, request)
      if (!/^(closed|HTTP\/1\.1 403)/.test(said)) throw new Error(said)
      return said
    })
    const ports = { inbound: 15_401, outbound: 15_402, admin: 15_490 }
    for (const [name, port] of Object.entries(ports)) {
      await check(`the sidecar's ${name} port, dialled directly, IPv${family}`, async () => {
        const said = await visitor.dial(host, port, request)
        if (said !== 'closed' && said !== 'refused') throw new Error(said)
        return said
      })
    }
    await check(`the probe port has probes and nothing else, IPv${family}`, async () => {
      for (const path of ['/', '/policy', '/metrics', '/probes/app/readiness/more', '/orders/1']) {
        const call = { method: 'GET', url: `http://${ip}:15494${path}` }
        expectAnswer(await visitor.call(call), 404)
      }
    })
  }
  await check('what an app itself can still reach of its own', async () => {
    const said = await orders.dial('127.0.0.1', 9998, request)
    if (!said.startsWith('HTTP/1.1 200')) throw new Error(said)
  })
  await otherUsers(stage)
}

const asSidecar = `
process.setgid(15400)
process.setuid(15400)
const answer = await fetch('http://payments.shop/charges', { method: 'POST', body: '{"cents":1}' })
const { reason } = await answer.json()
console.log(answer.status, reason)
`

/** A process that takes the sidecar's user id leaves unseen, and so without a token. */
async function otherUsers(stage: Stage): Promise<void> {
  await apply(
    deployment({
      name: 'rooted',
      namespace: 'shop',
      container: { securityContext: { runAsUser: 0 } },
      spec: { serviceAccountName: 'orders' },
    }),
  )
  await rolledOut('shop', 'rooted')
  const rooted = await stage.in('shop', 'rooted')
  await check('an app that runs as root is redirected like any other', async () =>
    expectAnswer(await rooted.call({ method: 'GET', url: 'http://orders.shop/orders/1' }), 401),
  )
  await check(
    "a process that takes the sidecar's user id gets out, and gets no token",
    async () => {
      const words = ['exec', '-n', 'shop', 'deploy/rooted', '-c', 'app', '--']
      const said = await kubectl([...words, 'node', '--input-type=module', '-e', asSidecar])
      if (said.trim() !== '401 no_token') throw new Error(said)
    },
  )
  await kubectl(['delete', 'deployment', 'rooted', '-n', 'shop', '--wait=false'])
}
