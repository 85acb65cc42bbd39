/** Lines as they arrive, judged before anything acts on them. Unknown members are left aside. */
import { isObject, LineError } from './lines.ts'
import {
  maxBypassPorts,
  sectionsOf,
  type Bypass,
  type ClientKind,
  type Delta,
  type Downstream,
  type Hello,
  type PodProgress,
  type ProgressLine,
  type Revision,
  type SectionName,
  type Upstream,
} from './wire.ts'

type Row = Readonly<Record<string, unknown>>

const sectionNames = new Set<string>(Object.values(sectionsOf).flat())
const longestReason = 1000

/** A line upstream. Throws LineError. */
export function readUpstream(line: Row): Upstream {
  switch (line.type) {
    case 'hello':
      return readHello(line)
    case 'ack':
      return { type: 'ack', hashes: readHashes(line.hashes), ...readBypass(line) }
    case 'nack':
      return {
        type: 'nack',
        section: readSectionName(line.section),
        hash: readText(line.hash, 'hash'),
        reason: readText(line.reason, 'reason').slice(0, longestReason),
      }
    default:
      throw new LineError('a line upstream has no known type')
  }
}

/** A line downstream; undefined for a type that this version does not know. Throws LineError. */
export function readDownstream(line: Row): Downstream | undefined {
  switch (line.type) {
    case 'update':
      return {
        type: 'update',
        revision: readRevision(line.revision),
        sections: readSections(line.sections),
      }
    case 'heartbeat':
      return {
        type: 'heartbeat',
        revision: readRevision(line.revision),
        ageMs: readNumber(line.ageMs, 'ageMs'),
      }
    default:
      if (typeof line.type !== 'string') throw new LineError('a line downstream has no type')
      return undefined
  }
}

/** A line of another replica. Throws LineError. */
export function readProgress(line: Row): ProgressLine {
  if (line.type !== 'progress' || !isObject(line.pods)) {
    throw new LineError('a line of progress is not one')
  }
  const pods: [string, PodProgress | null][] = []
  for (const [uid, row] of Object.entries(line.pods)) {
    if (row !== null && !isObject(row)) throw new LineError('the progress of a pod is not one')
    pods.push([uid, row && readPodProgress(row)])
  }
  return { type: 'progress', pods: Object.fromEntries(pods) }
}

function readPodProgress(row: Row): PodProgress {
  const { rules, rejection } = row
  return {
    ...readBypass(row),
    ...(rules === undefined ? {} : { rules: readText(rules, 'rules') }),
    ...(rejection === undefined ? {} : { rejection: readText(rejection, 'rejection') }),
  }
}

function readBypass({ bypass }: Row): { readonly bypass?: Bypass } {
  if (bypass === undefined) return {}
  if (!Array.isArray(bypass) || !bypass.every(isPort)) {
    throw new LineError('bypass is not a list of ports')
  }
  return { bypass: bypass.slice(0, maxBypassPorts) }
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536
}

/** A revision. Throws LineError. */
function readRevision(value: unknown): Revision {
  if (!isObject(value) || !isObject(value.versions)) throw new LineError('revision is not one')
  const versions: [string, number][] = []
  for (const [kind, version] of Object.entries(value.versions)) {
    versions.push([kind, readNumber(version, 'a version')])
  }
  return { epoch: readNumber(value.epoch, 'epoch'), versions: Object.fromEntries(versions) }
}

function readHello(line: Row): Hello {
  const { kind, features } = line
  if (typeof kind !== 'string' || !Object.hasOwn(sectionsOf, kind)) {
    throw new LineError('kind is no kind of client')
  }
  if (!Array.isArray(features) || !features.every((feature) => typeof feature === 'string')) {
    throw new LineError('features is not a list of names')
  }
  return {
    type: 'hello',
    kind: kind as ClientKind,
    features,
    hashes: readHashes(line.hashes),
    ...readBypass(line),
    ...(line.revision === undefined ? {} : { revision: readRevision(line.revision) }),
  }
}

type SectionLine = { readonly hash: string; readonly value?: unknown; readonly delta?: Delta }

function readSections(value: unknown): Partial<Record<SectionName, SectionLine>> {
  if (!isObject(value)) throw new LineError('sections is not an object')
  const sections: [string, SectionLine][] = []
  for (const [name, section] of Object.entries(value)) {
    // A section of a later version is left aside: it was not asked for.
    if (!sectionNames.has(name)) continue
    if (!isObject(section)) throw new LineError('a section is not an object')
    const hash = readText(section.hash, 'hash')
    const { value: whole, delta } = section
    if ((whole === undefined) === (delta === undefined)) {
      throw new LineError('a section has neither value nor delta, or both')
    }
    if (delta === undefined) sections.push([name, { hash, value: whole }])
    else sections.push([name, { hash, delta: readDelta(delta) }])
  }
  return Object.fromEntries(sections)
}

function readDelta(value: unknown): Delta {
  if (!isObject(value) || !isObject(value.set)) throw new LineError('delta is not one')
  const { remove } = value
  if (!Array.isArray(remove) || !remove.every((key) => typeof key === 'string')) {
    throw new LineError('remove is not a list of keys')
  }
  return { base: readText(value.base, 'base'), set: value.set, remove }
}

function readHashes(value: unknown): Partial<Record<SectionName, string>> {
  if (!isObject(value)) throw new LineError('hashes is not an object')
  const hashes: [string, string][] = []
  for (const [name, hash] of Object.entries(value)) {
    if (sectionNames.has(name)) hashes.push([name, readText(hash, 'hash')])
  }
  return Object.fromEntries(hashes)
}

function readSectionName(value: unknown): SectionName {
  if (typeof value !== 'string' || !sectionNames.has(value)) {
    throw new LineError('section is no section')
  }
  return value as SectionName
}

function readText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new LineError(`${what} is not a text`)
  return value
}

function readNumber(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new LineError(`${what} is not a number from 0 on`)
  }
  return value
}
