import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createDiscoveryServer } from '../discovery/serve.ts'
import { formatAddress, type Address } from '../http/address.ts'
import { createAdmin } from '../http/admin.ts'
import { drain, listen } from '../http/listen.ts'
import { checkServing } from '../pki/read.ts'
import { StartError } from '../refusal/exit-codes.ts'
import type { Log } from '../telemetry/log.ts'
import { createCore } from './core.ts'
import { openSigningKeys } from './keys.ts'
import { openFolder } from './sources/folder.ts'
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
  const core = createCore({
    ...settings,
    keys: () => keys,
    certificateEnds: () => serving.notAfter,
    openStatus: (parts) =>
      createStatusFiles({
        ...parts,
        folder: path.join(stateFolder, 'status'),
        log,
        now: () => new Date(),
      }),
    log,
  })
  const { index, metrics } = core
  const discovery = createDiscoveryServer({
    index,
    certificate: serving.certificate,
    privateKey: serving.privateKey,
    serviceAccounts: () => core.trust()?.serviceAccounts,
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
  const closers: (() => Promise<void> | void)[] = [() => core.close()]
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
      onSnapshot: (snapshot) => void core.take(snapshot),
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
