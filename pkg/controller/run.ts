import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createIndex } from '../discovery/index.ts'
import { createDiscoveryServer } from '../discovery/serve.ts'
import { formatAddress, type Address } from '../http/address.ts'
import { createAdmin } from '../http/admin.ts'
import { drain, listen } from '../http/listen.ts'
import { createGuardedFetch } from '../issuers/guarded-fetch.ts'
import { createKeySource } from '../issuers/key-source.ts'
import { checkServing } from '../pki/read.ts'
import { StartError } from '../refusal/exit-codes.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createAnnouncer } from './announce.ts'
import { measure } from './measure.ts'
import { openSigningKeys } from './keys.ts'
import { createReconciler } from './reconcile.ts'
import { openFolder } from './sources/folder.ts'
import type { Trust } from './sources/snapshot.ts'
import { createStatusFiles } from './status-files.ts'

const adminGraceMs = 1000
/** The one service account that may subscribe as an authority. */
const authority = { namespace: 'tokenward-system', serviceAccount: 'tokenward-authority' }

export interface ControllerSettings {
  /** The user's resources. */
  readonly folder: string
  /** What a cluster would have, and what the controller keeps. */
  readonly stateFolder: string
  readonly discoveryAddress: Address
  readonly adminAddress: Address
  /** Issuer identifier of the authority (RFC 8414 2). */
  readonly authorityIssuer: string
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly allowPrivateIssuers: boolean
}

export interface Controller {
  /** `https://host:port`, for clients' `--controllers`. */
  readonly discoveryUrl: string
  readonly adminUrl: string
  close(): Promise<void>
}

/**
 * Starts a controller on a folder: everything is read and checked before a port opens. Rejects with
 * StartError or ListenError, then with nothing left open.
 */
export async function run(settings: ControllerSettings, log: Log): Promise<Controller> {
  const { folder, stateFolder } = settings
  const serving = await readServing(stateFolder)
  const keys = await openSigningKeys({
    file: path.join(stateFolder, 'keys', 'signing.json'),
    issuer: settings.authorityIssuer,
    now: new Date(),
    log,
  })
  const nowSeconds = (): number => Math.floor(Date.now() / 1000)
  const metrics = createMetrics()
  const index = createIndex({ monotonicMs: () => performance.now() })
  const fetch = createGuardedFetch({ allowPrivate: settings.allowPrivateIssuers })
  const keySource = createKeySource({
    fetch,
    log,
    onChange: () => {
      reconciler.again()
      status.again()
    },
  })
  const status = createStatusFiles({
    folder: path.join(stateFolder, 'status'),
    index,
    keySource,
    log,
    now: () => new Date(),
  })
  const measured = measure({ metrics, index, certificateEnds: serving.notAfter })
  const announce = createAnnouncer(log)
  let trust: Trust | undefined
  const reconciler = createReconciler({
    index,
    keySource,
    keys: () => keys,
    domains: { trustDomain: settings.trustDomain, clusterDomain: settings.clusterDomain },
    log,
    onRound: (durationMs) => measured.round(durationMs),
    onOutcome: (outcome) => {
      trust = outcome.snapshot.trust
      measured.outcome(outcome)
      announce(outcome)
      status.take(outcome)
    },
  })
  index.onAcknowledged(() => status.again())

  const discovery = createDiscoveryServer({
    index,
    certificate: serving.certificate,
    privateKey: serving.privateKey,
    serviceAccounts: () => trust?.serviceAccounts,
    authority,
    nowSeconds,
    random: Math.random,
    log,
    metrics,
  })
  const admin = createAdmin({
    isReady: () => index.current() !== undefined,
    notReady: 'no view yet',
    metrics,
  })
  const closers: (() => Promise<void> | void)[] = [
    () => fetch.close(),
    () => keySource.close(),
    () => status.close(),
  ]
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    const source = await openFolder({
      folder,
      stateFolder,
      log,
      monotonicMs: () => performance.now(),
      nowSeconds,
      onSnapshot: (snapshot) => void reconciler.take(snapshot),
      onConfirmed: () => index.confirm(),
    })
    closers.push(() => source.close())
    const discoveryAt = await listen(
      discovery.server,
      settings.discoveryAddress,
      'the discovery port (--discovery-address)',
    )
    closers.push(() => discovery.close())
    const adminAt = await listen(admin, settings.adminAddress, 'the admin port (--admin-address)')
    closers.push(() => drain(admin, adminGraceMs))
    const urls = {
      discoveryUrl: `https://${formatAddress(discoveryAt)}`,
      adminUrl: `http://${formatAddress(adminAt)}`,
    }
    log.info({ ...urls, folder }, 'the controller serves')
    return { ...urls, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function readServing(
  stateFolder: string,
): Promise<{ certificate: string; privateKey: string; notAfter: Date }> {
  const read = async (name: string): Promise<string> => {
    const file = path.join(stateFolder, 'pki', name)
    return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      const why = `${file} cannot be read (${error.code ?? error.message})`
      throw new StartError('inputMissing', `${why}; "tokenward local" makes the state folder`)
    })
  }
  const certificate = await read('controller.crt')
  const privateKey = await read('controller.key')
  try {
    const { notAfter } = checkServing({ certificate, privateKey, now: new Date() })
    return { certificate, privateKey, notAfter }
  } catch (error) {
    const file = path.join(stateFolder, 'pki', 'controller.crt')
    const why = error instanceof Error ? error.message : 'it cannot be used'
    throw new StartError('inputInvalid', `${file} cannot serve: ${why}`, error)
  }
}
