import http from 'node:http'
import { connect } from 'node:net'
import type { Launch, Listening } from './commands.ts'

const pollMs = 40

/** Resolves when what was launched serves. Rejects with the signal's reason when that aborts. */
export async function untilReady(ready: Launch['ready'], signal: AbortSignal): Promise<void> {
  if (ready === undefined) return
  for (;;) {
    signal.throwIfAborted()
    const serves = 'url' in ready ? answersOk(ready.url) : accepts(ready)
    if (await serves) return
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

function answersOk(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}

/** Whether something accepts connections there. */
export function accepts({ host, port }: Listening): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    socket.setTimeout(2000, () => done(false))
  })
}
