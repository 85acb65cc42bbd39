import type { InjectConfig, NamespaceFacts } from './inject/config.ts'
import { inject, type Injection } from './inject/inject.ts'
import { sentences, type AdmissionRequest, type Verdict } from './review.ts'

/** The namespaces of the cluster. */
export interface Namespaces {
  /** As it was last seen; undefined while it never was. */
  get(name: string): NamespaceFacts | undefined
  /** As it is now, from the API server. Rejects with an Error in words for an operator. */
  fetch(name: string): Promise<NamespaceFacts | undefined>
}

/** Judges the creation of a pod: injects, lets it through as it is, or refuses. */
export function createMutate(options: {
  readonly namespaces: Namespaces
  readonly config: () => InjectConfig
}): (request: AdmissionRequest) => Promise<Verdict> {
  const { namespaces, config } = options

  const fetch = async (name: string): Promise<NamespaceFacts | Verdict> => {
    let why = 'there is none of that name'
    try {
      const found = await namespaces.fetch(name)
      if (found !== undefined) return found
    } catch (error) {
      why = error instanceof Error ? error.message : 'no reason given'
    }
    const message = `whether namespace ${name} asks for a Tokenward sidecar is not known: ${why}; try again`
    return { allowed: false, outcome: 'refused', reason: 'namespace_unknown', code: 503, message }
  }

  return async ({ resource, operation, namespace: name, object }) => {
    if (resource !== 'pods' || operation !== 'CREATE') {
      const message = `this webhook is asked when pods are created, not about ${operation} of ${resource}: correct its configuration`
      return { allowed: false, outcome: 'refused', reason: 'not_a_pod', code: 400, message }
    }
    const known = namespaces.get(name)
    let facts = known ?? (await fetch(name))
    if ('allowed' in facts) return facts
    let injection = inject(object, { namespace: facts, config: config() })
    // The API server asks only where the pod or its namespace wants it: what we saw of that is too old.
    if (injection.kind === 'skip' && injection.reason === 'not_selected' && known !== undefined) {
      facts = await fetch(name)
      if ('allowed' in facts) return facts
      injection = inject(object, { namespace: facts, config: config() })
    }
    return verdictOf(injection)
  }
}

function verdictOf(injection: Injection): Verdict {
  switch (injection.kind) {
    case 'refuse':
      return {
        allowed: false,
        outcome: 'refused',
        reason: 'pod',
        code: 403,
        message: sentences(injection.problems),
      }
    case 'skip': {
      const { reason, warnings } = injection
      return { allowed: true, outcome: 'skipped', reason, warnings }
    }
    case 'inject': {
      const { operations, warnings } = injection
      const outcome = operations.length === 0 ? 'unchanged' : 'injected'
      return { allowed: true, outcome, reason: 'selected', operations, warnings }
    }
  }
}
