import http from 'node:http'
import type { Log } from '../telemetry/log.ts'

/** Why the sidecar has not started, in words; undefined once it has. */
export type AskSidecar = () => Promise<string | undefined>

const pauseMs = 25
/** An ordinary start takes less and says nothing of what it waits for. */
const quietMs = 2_000
const patienceMs = 1_000
const longestReason = 300

/**
 * Ends once the sidecar says that it has started: its listeners are open, a policy is applied, and what
 * the rules redirect arrives there. Until then it asks, for as long as it takes, and says each reason once.
 */
export async function awaitSidecar(
  ask: AskSidecar,
  {
    log,
    nowMs = () => performance.now(),
  }: { readonly log: Log; /** For tests. */ readonly nowMs?: () => number },
): Promise<void> {
  const since = nowMs()
  const said = new Set<string>()
  for (;;) {
    const reason = await ask()
    const waitedMs = Math.round(nowMs() - since)
    if (reason === undefined) {
      log.info({ waitedMs }, 'the sidecar has started')
      return
    }
    if (waitedMs >= quietMs && !said.has(reason)) {
      said.add(reason)
      log.warn({ reason, waitedMs }, 'the pod waits for its sidecar')
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Asks at the sidecar's admin port, which is on loopback and says why where it is not ready. */
export function askAt({
  host,
  port,
}: {
  readonly host: string
  readonly port: number
}): AskSidecar {
  return () =>
    new Promise((resolve) => {
      const request = http.get({ host, port, path: '/readyz', agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          if (text.length < longestReason) text += part
        })
        response.on('close', () => {
          const isWell = response.statusCode === 200
          resolve(isWell ? undefined : firstLine(text) || `it answers ${response.statusCode ?? ''}`)
        })
      })
      request.setTimeout(patienceMs, () => request.destroy(new Error('it does not answer')))
      request.on('error', (error: NodeJS.ErrnoException) => {
        resolve(
          error.code === 'ECONNREFUSED'
            ? 'it does not run, or its listeners are not open: look at the log of tokenward-sidecar'
            : error.message,
        )
      })
    })
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, longestReason)
}
