/** Leases as a scripted API server keeps them: versions, conflicts and nothing else. */
import type { Order, Seen } from './api-proxy.ts'
import { statusOf } from './stub-api.ts'

interface KeptLease {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: Readonly<Record<string, unknown>>
}

export interface LeaseApi {
  readonly decide: (seen: Seen) => Order
  lease(): KeptLease | undefined
  /** From now on every request gets this. */
  be(order: Order | undefined): void
}

export function createLeaseApi(): LeaseApi {
  let lease: KeptLease | undefined
  let version = 0
  let always: Order | undefined
  const keep = (body: string): Order => {
    const given = JSON.parse(body) as KeptLease
    version += 1
    lease = { ...given, metadata: { ...given.metadata, resourceVersion: String(version) } }
    return { status: 200, body: lease }
  }
  const conflict: Order = { status: 409, body: statusOf(409, 'Conflict') }
  return {
    decide({ method, body }) {
      if (always !== undefined) return always
      if (method === 'GET' && lease === undefined) {
        return { status: 404, body: statusOf(404, 'NotFound', 'none', { name: 'a' }) }
      }
      if (method === 'GET') return { status: 200, body: lease }
      if (method === 'POST') return lease === undefined ? keep(body) : conflict
      const { metadata } = JSON.parse(body) as KeptLease
      return metadata['resourceVersion'] === String(version) ? keep(body) : conflict
    },
    lease: () => lease,
    be(order) {
      always = order
    },
  }
}
