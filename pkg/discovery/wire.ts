/**
 * The lines of the discovery stream: newline-delimited JSON both ways on one HTTP/2 request
 * (`POST /v1/discovery`, `Authorization: Bearer <service-account token, audience tokenward:discovery>`).
 */
import type { AuthorityPolicy, WorkloadPolicy } from '../policy/workload-policy.ts'

export const discoveryPath = '/v1/discovery'

/** From a replica to the one that leads: what the pods connected there have applied. */
export const progressPath = '/v1/progress'

/** Ports of one pod that are told of. */
export const maxBypassPorts = 32

/** How far a pod has got: the hash of its rules, or why it does not apply those that came last. */
export interface PodProgress {
  readonly rules?: string
  readonly rejection?: string
  readonly bypass?: Bypass
}

/**
 * Ports at which an app answers past its sidecar, as that one found; absent where it found none. A
 * controller that does not know the member leaves it aside.
 */
export type Bypass = readonly number[]

/** The one line of that stream: pods whose progress has changed; null for one that is gone. */
export interface ProgressLine {
  readonly type: 'progress'
  readonly pods: Readonly<Record<string, PodProgress | null>>
}

/** Every section that exists; a client gets those of its own kind. */
type Sections = WorkloadPolicy & AuthorityPolicy
export type SectionName = keyof Sections

/** Which sections a client of this kind gets. */
export const sectionsOf = {
  sidecar: ['rules', 'routes', 'addresses', 'keys', 'issuers', 'trust'],
  authority: ['edges', 'workloads', 'issuers', 'keys', 'trust'],
} as const satisfies Record<string, readonly SectionName[]>

export type ClientKind = keyof typeof sectionsOf

/** A point in time of the controller's view: compares within a kind only, and never across epochs. */
export interface Revision {
  readonly epoch: number
  /** Resource kind -> highest resourceVersion seen. */
  readonly versions: Readonly<Record<string, number>>
}

/** First line upstream. */
export interface Hello {
  readonly type: 'hello'
  readonly kind: ClientKind
  /** Features it knows; rules that need another never match there. */
  readonly features: readonly string[]
  readonly revision?: Revision
  /** Hash of each section it holds already. */
  readonly hashes: Readonly<Partial<Record<SectionName, string>>>
  readonly bypass?: Bypass
}

/** Upstream: what became of the sections of one update; again where `bypass` has changed. */
interface Acknowledgement {
  readonly type: 'ack'
  /** Section -> hash now applied. */
  readonly hashes: Readonly<Partial<Record<SectionName, string>>>
  readonly bypass?: Bypass
}

interface Rejection {
  readonly type: 'nack'
  readonly section: SectionName
  readonly hash: string
  readonly reason: string
}

/** Downstream: sections that changed, all of one generation; applied together or not at all. */
export interface Update {
  readonly type: 'update'
  readonly revision: Revision
  readonly sections: Readonly<
    Partial<
      Record<
        SectionName,
        { readonly hash: string; readonly value?: unknown; readonly delta?: Delta }
      >
    >
  >
}

/** Change of a section that is a map, against the section of hash `base`. */
export interface Delta {
  readonly base: string
  readonly set: Readonly<Record<string, unknown>>
  readonly remove: readonly string[]
}

/** Downstream, every 10 s: how old the controller's own view is. */
export interface Heartbeat {
  readonly type: 'heartbeat'
  readonly revision: Revision
  readonly ageMs: number
}

export type Upstream = Hello | Acknowledgement | Rejection
export type Downstream = Update | Heartbeat
