import { readFileSync } from 'node:fs'
import https from 'node:https'
import { statePaths } from '../../pkg/local/paths.ts'
import { exchangeRequest } from '../../pkg/token/exchange.ts'
import type { Outcome } from './rows.ts'
import type { Shop } from './shop.ts'

/** Asks the authority itself, with the credential of a workload's own pod. */
export function exchange(
  shop: Shop,
  asked: { readonly client: string; readonly subjectToken: string; readonly audience: string },
): Promise<Outcome> {
  const paths = statePaths(shop.stateFolder)
  const body = exchangeRequest({
    assertion: readFileSync(paths.pod('shop', `${asked.client}-0`).authorityToken, 'utf8'),
    subjectToken: asked.subjectToken,
    audience: `http://${asked.audience}.shop.svc.cluster.local`,
    scopes: [],
  })
  return new Promise((resolve, reject) => {
    const request = https.request(
      `${shop.record().authority}/token`,
      {
        agent: false,
        method: 'POST',
        ca: readFileSync(paths.certificate('root')),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => {
          const { reason } = JSON.parse(text) as { reason?: unknown }
          resolve({
            status: response.statusCode ?? 0,
            reason: typeof reason === 'string' ? reason : '',
          })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
