import { BadLineError } from './lines.ts'

/** An object of the API server as it arrives; a transform cuts it to what is used. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: KubeMetadata
  readonly [field: string]: unknown
}

export interface KubeMetadata {
  readonly name: string
  readonly namespace?: string
  readonly uid: string
  readonly resourceVersion: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** One page of a list. */
export interface KubeList {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly unknown[]
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** A line of a watch. Throws BadLineError where it is not one. */
export function readEvent(line: unknown): WatchEvent {
  const { type, object } = isRecord(line) ? line : {}
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: readObject(object) }
    case 'BOOKMARK': {
      const { resourceVersion } = metadataOf(object)
      if (typeof resourceVersion !== 'string') break
      return { type, resourceVersion }
    }
  }
  throw new BadLineError('a line of the watch is no event')
}

/**
 * An object with what every one has; `managedFields`, often its larger half, are gone. Throws BadLineError.
 * The items of a list lack their kind: `of` says it.
 */
export function readObject(value: unknown, of: Readonly<Record<string, unknown>> = {}): KubeObject {
  const metadata = metadataOf(value)
  const { name, resourceVersion, namespace } = metadata
  const isNamed = typeof name === 'string' && typeof resourceVersion === 'string'
  if (!isNamed || !(namespace === undefined || typeof namespace === 'string')) {
    throw new BadLineError('an object has no name or no version')
  }
  delete metadata['managedFields']
  return { ...of, ...(value as KubeObject) }
}

/** Versions of one kind compare as numbers (KEP-5504). Throws BadLineError where it is none. */
export function versionOf(resourceVersion: string): number {
  const version = Number(resourceVersion)
  if (!/^\d+$/.test(resourceVersion) || !Number.isSafeInteger(version)) {
    throw new BadLineError('a resourceVersion is not a number')
  }
  return version
}

function metadataOf(value: unknown): Record<string, unknown> {
  const metadata = isRecord(value) ? value['metadata'] : undefined
  return isRecord(metadata) ? metadata : {}
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
