import type { Revision } from './wire.ts'

/**
 * Whether a view of revision `view` may not be believed by who has seen `seen`: it is of an older epoch
 * or, within one epoch, older in any kind. A higher epoch is believed whatever the rest.
 */
export function isBehind(view: Revision, seen: Revision | undefined): boolean {
  if (seen === undefined) return false
  if (view.epoch !== seen.epoch) return view.epoch < seen.epoch
  for (const [kind, version] of Object.entries(seen.versions)) {
    if ((view.versions[kind] ?? 0) < version) return true
  }
  return false
}

/**
 * The revision under which a view is shown to who has seen `seen` and is not behind for him: never an
 * older one, for what lies between the two is the same.
 */
export function shownTo(view: Revision, seen: Revision | undefined): Revision {
  if (seen === undefined || seen.epoch !== view.epoch) return view
  const versions = { ...view.versions }
  for (const [kind, version] of Object.entries(seen.versions)) {
    versions[kind] = Math.max(versions[kind] ?? 0, version)
  }
  return { epoch: view.epoch, versions }
}
