import { kubectl, pods } from './kubectl.ts'
import { openInPod, type Answer, type Session } from './session.ts'

/** Who plays: the visitor outside, and the apps of the shop, each with a process of ours beside it. */
export interface Stage {
  /** A process in the newest pod of a Deployment; opened anew when that one is gone. */
  in(namespace: string, app: string): Promise<Session>
  /** A token of the login's user, minted now. */
  token(user: 'alice' | 'bob'): Promise<string>
  close(): void
}

export function openStage(): Stage {
  const open = new Map<string, { readonly pod: string; readonly session: Session }>()
  const inPod = async (namespace: string, app: string): Promise<Session> => {
    const key = `${namespace}/${app}`
    const found = await pods(namespace, `app=${app}`)
    const pod = found.at(-1)?.metadata.name
    if (pod === undefined) throw new Error(`${key} has no pod`)
    const known = open.get(key)
    if (known !== undefined && known.pod === pod && !known.session.closed) return known.session
    known?.session.close()
    const session = await openInPod(namespace, pod)
    open.set(key, { pod, session })
    return session
  }
  return {
    in: inPod,
    async token(user) {
      const visitor = await inPod('outside', 'visitor')
      const { body } = await visitor.call({
        method: 'GET',
        url: `http://login.outside/token/${user}`,
      })
      return (body as { readonly access_token: string }).access_token
    },
    close() {
      for (const { session } of open.values()) session.close()
    },
  }
}

/** Holds an answer against what was promised. */
export function expectAnswer(answer: Answer, status: number, reason?: string): string {
  const { status: got, reason: why } = answer
  if (got !== status || (reason !== undefined && why !== reason)) {
    throw new Error(
      `got ${got} ${why}, expected ${status} ${reason ?? ''}: ${JSON.stringify(answer.body).slice(0, 300)}`,
    )
  }
  return `${got} ${why}`.trim()
}

/** Polls an answer until it has this status (and reason); the last one counts where it never comes. */
export async function untilAnswer(
  look: () => Promise<Answer>,
  expected: { readonly status: number; readonly reason?: string },
  withinMs = 20_000,
): Promise<string> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await look()
    const same =
      answer.status === expected.status &&
      (expected.reason === undefined || answer.reason === expected.reason)
    if (same || performance.now() > deadline) {
      return expectAnswer(answer, expected.status, expected.reason)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Puts up a Deployment's replicas and waits until the pods are as many. */
export async function scale(namespace: string, name: string, replicas: number): Promise<void> {
  await kubectl(['scale', `deployment/${name}`, '-n', namespace, `--replicas=${replicas}`])
}
