import type { Log } from '../telemetry/log.ts'

/** What is wrong around a controller, and stays so until somebody does something. */
export interface Problems {
  /** Says what is wrong with a thing, or with undefined that nothing is; told once. True: it is news. */
  say(about: string, message: string | undefined): boolean
  list(): readonly string[]
}

/** The watches' own are asked for: they log themselves. */
type Others = () => readonly string[]

/** Keeps one line per thing, logs each when it changes, with those of others. */
export function createProblems(log: Log, others: Others): Problems {
  const known = new Map<string, string>()
  return {
    say(about, message) {
      const before = known.get(about)
      if (message === before) return false
      if (message === undefined) {
        known.delete(about)
        log.info({ about }, 'a problem is over')
        return false
      }
      known.set(about, message)
      log.error({ about, problem: message }, 'a problem that needs somebody')
      return true
    },
    list: () => [...known.values(), ...others()],
  }
}
