import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Log } from '../telemetry/log.ts'

/** PEM texts of a mounted Secret of type kubernetes.io/tls. */
export interface ServingFiles {
  readonly certificate: string
  readonly privateKey: string
  /** The roots that sidecars get. */
  readonly caBundle: string
}

export interface Certificate {
  /** Undefined until there is one that can serve. */
  current(): ServingFiles | undefined
  /** Until when it is valid. */
  endsAt(): Date | undefined
  /** Why there is none, or why what is in the folder now is not used. */
  problem(): string | undefined
  close(): void
}

/**
 * Follows tls.crt, tls.key and ca.crt in a folder by their content: a mounted Secret changes by a symbolic
 * link, which watchers miss. What cannot serve, or is read in the middle of a change, is left aside and
 * said; what served goes on.
 */
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
  let problem: string | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const look = async (): Promise<void> => {
    try {
      const files = await readFiles(folder)
      if (isSame(files, current)) {
        problem = undefined
        return
      }
      endsAt = check(files)
      current = files
      problem = undefined
      onChange(files)
      log.info({ endsAt: endsAt.toISOString() }, 'serves with the certificate of the folder')
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it cannot be read'
      if (why !== problem) log.warn({ problem: why }, 'the certificate of the folder is not used')
      problem = why
    }
  }
  const again = (): void => {
    timer = setTimeout(() => {
      void look().then(() => {
        if (!closed) again()
      })
    }, everyMs)
  }
  await look()
  again()
  return {
    current: () => current,
    endsAt: () => endsAt,
    problem: () => problem,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

async function readFiles(folder: string): Promise<ServingFiles> {
  const read = async (name: string): Promise<string> => {
    const file = path.join(folder, name)
    return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Error(`${file} cannot be read (${error.code ?? error.message})`)
    })
  }
  const [certificate, privateKey, caBundle] = await Promise.all(
    ['tls.crt', 'tls.key', 'ca.crt'].map(read),
  )
  return {
    certificate: certificate ?? '',
    privateKey: privateKey ?? '',
    caBundle: caBundle ?? '',
  }
}

function isSame(a: ServingFiles, b: ServingFiles | undefined): boolean {
  return (
    a.certificate === b?.certificate && a.privateKey === b.privateKey && a.caBundle === b.caBundle
  )
}
