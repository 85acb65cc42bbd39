import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { checkStateFolder } from '../discovery/check-state-folder.ts'
import { subscribe } from '../discovery/subscribe.ts'
import { readTokenFile } from '../discovery/token-file.ts'
import { formatAddress, type Address } from '../http/address.ts'
import { followFiles } from '../http/follow-files.ts'
import { drain, listen } from '../http/listen.ts'
import { createGuardedFetch } from '../issuers/guarded-fetch.ts'
import { createKeySource } from '../issuers/key-source.ts'
import { checkServing, readCertificate, readRoots } from '../pki/read.ts'
import type { AuthorityPolicy } from '../policy/workload-policy.ts'
import { StartError } from '../refusal/exit-codes.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createAdmin } from '../http/admin.ts'
import { createTlsServer } from '../http/serve/server.ts'
import { answerRefusal } from './answers.ts'
import { createAuthority } from './authority.ts'
import { createPolicyState } from './policy-state.ts'
import { createRefetch } from './refetch.ts'
import { openSigningKeys } from './signing-keys.ts'

const maxPolicyAgeMs = 3_600_000
const graceMs = 5000
const adminGraceMs = 1000
const followEveryMs = 10_000

export interface AuthoritySettings {
  readonly listenAddress: Address
  readonly adminAddress: Address
  /** Issuer identifier, `https://…`. */
  readonly issuer: string
  /** Controllers, `https://host:port`. */
  readonly controllers: readonly string[]
  readonly caFile: string
  readonly discoveryTokenFile: string
  readonly signingKeyFile: string
  readonly certificateFile: string
  readonly privateKeyFile: string
  readonly stateFolder: string
  readonly allowPrivateIssuers: boolean
}

export interface Authority {
  /** Where it listens, `https://host:port`. */
  readonly url: string
  readonly adminUrl: string
  close(): Promise<void>
}

/** Starts an authority. Rejects with StartError or ListenError, then with nothing left open. */
export async function run(
  settings: AuthoritySettings,
  options: {
    readonly log: Log
    readonly audit: Audit
    /** How often certificate, key and roots are looked at. */
    readonly followMs?: number
  },
): Promise<Authority> {
  const { log, audit, followMs = followEveryMs } = options
  const certificate = await read(settings.certificateFile, 'the certificate')
  const privateKey = await read(settings.privateKeyFile, 'the private key')
  const roots = { file: await readRoots(settings.caFile), bundle: '' }
  try {
    checkServing({ certificate, privateKey, now: new Date() })
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be used'
    throw new StartError('inputInvalid', `${settings.certificateFile} cannot serve: ${why}`, error)
  }

  await readTokenFile(settings.discoveryTokenFile)
  await checkStateFolder(settings.stateFolder)

  const metrics = createMetrics()
  const answers = metrics.counter(
    'tokenward_authority_answers_total',
    'Answers of the token endpoint, by grant and outcome (granted, or the reason of the refusal).',
    ['grant', 'outcome'],
  )
  const fetch = createGuardedFetch({ allowPrivate: settings.allowPrivateIssuers })
  const keySource = createKeySource({ fetch, log, onChange: () => state.refresh() })
  const state = createPolicyState({
    issuer: settings.issuer,
    ageMs: () => subscription.ageMs(),
    maxAgeMs: maxPolicyAgeMs,
    withKeys: (trust) => keySource.withKeys(trust),
  })
  const signingKeys = openSigningKeys({
    file: settings.signingKeyFile,
    log,
    monotonicMs: () => performance.now(),
  })
  const subscription = subscribe({
    kind: 'authority',
    urls: settings.controllers,
    // The bundle may have come from a state file that is older than the file of roots.
    ca: () => `${roots.file}\n${roots.bundle}`,
    token: () => readTokenFile(settings.discoveryTokenFile),
    stateFile: path.join(settings.stateFolder, 'policy.json'),
    apply: (sections: AuthorityPolicy) => {
      state.apply(sections)
      keySource.track(sections.issuers.issuers)
      roots.bundle = sections.trust.bundle
    },
    log,
  })
  metrics.gauge({
    name: 'tokenward_policy_age_seconds',
    help: 'Age of the view of the controller that is applied.',
    collect: (gauge) => gauge.set(subscription.ageMs() / 1000),
  })
  const isReady = (): boolean => {
    const policy = state.isStale() ? undefined : state.current()
    return policy !== undefined && signingKeys.active(policy) !== undefined
  }

  const server = createTlsServer({
    serving: { certificate, privateKey },
    handler: createAuthority({
      issuer: settings.issuer,
      state,
      signingKeys,
      refetch: createRefetch(keySource),
      audit,
      log,
      isReady,
      nowSeconds: () => Math.floor(Date.now() / 1000),
      monotonicMs: () => performance.now(),
      onAnswer: (grant, outcome) => answers.inc({ grant, outcome }),
    }),
    refuse: answerRefusal,
    log,
  })
  const followed = [
    followFiles({
      files: [settings.certificateFile, settings.privateKeyFile],
      applied: [certificate, privateKey],
      apply: ([certificate = '', privateKey = '']) => {
        checkServing({ certificate, privateKey, now: new Date() })
        server.serveWith({ certificate, privateKey })
      },
      log,
      everyMs: followMs,
    }),
    followFiles({
      files: [settings.caFile],
      applied: [roots.file],
      apply: ([pem = '']) => {
        readCertificate(pem, settings.caFile)
        roots.file = pem
      },
      log,
      everyMs: followMs,
    }),
  ]
  const admin = createAdmin({
    isReady,
    notReady: 'no policy that is fresh, or no signing key',
    metrics,
  })
  const closers: (() => Promise<void> | void)[] = [
    () => fetch.close(),
    () => keySource.close(),
    () => subscription.close(),
    ...followed.map((files) => () => files.close()),
  ]
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    const at = await listen(server, settings.listenAddress, 'the authority (--listen-address)')
    closers.push(() => drain(server, graceMs))
    const adminAt = await listen(admin, settings.adminAddress, 'the admin port (--admin-address)')
    closers.push(() => drain(admin, adminGraceMs))
    const urls = {
      url: `https://${formatAddress(at)}`,
      adminUrl: `http://${formatAddress(adminAt)}`,
    }
    log.info({ ...urls, issuer: settings.issuer }, 'the authority serves')
    return { ...urls, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function read(file: string, what: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = `${file} cannot be read (${error.code ?? error.message})`
    throw new StartError('inputMissing', `${what} ${why}`)
  })
}
