import path from 'node:path'
import { followFiles, type FollowedFiles } from '../http/follow-files.ts'
import type { Log } from '../telemetry/log.ts'

/** PEM texts of a mounted Secret of type kubernetes.io/tls. */
export interface ServingFiles {
  readonly certificate: string
  readonly privateKey: string
  /** The roots that sidecars get. */
  readonly caBundle: string
}

export interface Certificate extends Pick<FollowedFiles, 'problem' | 'close'> {
  /** Undefined until there is one that can serve. */
  current(): ServingFiles | undefined
  /** Until when it is valid. */
  endsAt(): Date | undefined
}

/** Follows tls.crt, tls.key and ca.crt in a folder. What cannot serve is left aside; what served goes on. */
export async function followCertificate(options: {
  readonly folder: string
  /** Gives the end of its validity; throws an Error that says what is wrong. */
  readonly check: (files: ServingFiles) => Date
  readonly onChange: (files: ServingFiles) => void
  readonly log: Log
  readonly everyMs?: number
}): Promise<Certificate> {
  const { folder, check, onChange, log, everyMs = 5000 } = options
  let current: ServingFiles | undefined
  let endsAt: Date | undefined
  const followed = followFiles({
    files: ['tls.crt', 'tls.key', 'ca.crt'].map((name) => path.join(folder, name)),
    apply([certificate = '', privateKey = '', caBundle = '']) {
      const files = { certificate, privateKey, caBundle }
      const ends = check(files)
      onChange(files)
      current = files
      endsAt = ends
    },
    log,
    everyMs,
  })
  await followed.look()
  return { ...followed, current: () => current, endsAt: () => endsAt }
}
