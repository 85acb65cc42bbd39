import { randomUUID } from 'node:crypto'
import type { Server } from 'node:net'
import { hostname } from 'node:os'
import { createDiscoveryServer } from '../discovery/serve.ts'
import { tellProgress } from '../discovery/tell-progress.ts'
import { formatAddress, type Address } from '../http/address.ts'
import { createAdmin } from '../http/admin.ts'
import { drain, listen } from '../http/listen.ts'
import { openKubeClient, type KubeClient } from '../kube/client.ts'
import { createEvents } from '../kube/events.ts'
import { createLease } from '../kube/lease.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import { StartError } from '../refusal/exit-codes.ts'
import type { Log } from '../telemetry/log.ts'
import { createBarePods } from './bare-pods.ts'
import { createGrounds } from './grounds.ts'
import { followCaBundles } from './ca-bundle.ts'
import { createCore } from './core.ts'
import { ownAddress } from './own-address.ts'
import { createProblems } from './problems.ts'
import type { Outcome } from './reconcile.ts'
import { followSecrets, type SecretUse } from './secrets/follow.ts'
import { keepSecrets } from './secrets/keep.ts'
import { secretNames } from './secrets/secret.ts'
import type { Serving } from './secrets/serving.ts'
import { followServiceAccountKeys } from './service-account-keys.ts'
import { followCluster } from './sources/cluster.ts'
import { createStatusObjects } from './status-objects.ts'
import { createUnknownKeys } from './unknown-keys.ts'

const adminGraceMs = 1000
const program = 'tokenward-controller'
/** Certificates are renewed by the day, and what they are judged by is in memory. */
const renewalCheckMs = 60_000

/** What somebody must do about a Secret that cannot be used. */
const remedies: Readonly<Record<SecretUse, string>> = {
  root: 'restore it, or delete it: a new root is made, which running pods learn while they are connected',
  signingKeys:
    'restore it, or delete it to begin with a new key, which ends every token that is out',
  controller: 'the leading controller makes it anew',
  authority: 'the leading controller makes it anew',
  webhook: 'the leading controller makes it anew',
}

export interface ClusterSettings {
  /** The control plane's own. */
  readonly namespace: string
  /** Absent: what a pod is given. */
  readonly kubeconfig?: string
  readonly discoveryAddress: Address
  readonly adminAddress: Address
  /** Issuer identifier of the authority (RFC 8414 2). */
  readonly authorityIssuer: string
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly allowPrivateIssuers: boolean
}

export interface ClusterController {
  /** `https://host:port`; no handshake succeeds before there is a certificate. */
  readonly discoveryUrl: string
  readonly adminUrl: string
  isReady(): boolean
  leading(): boolean
  close(): Promise<void>
}

/**
 * Starts a replica of the controller in a cluster. Only its ports must open: whatever else it needs may
 * come later, and `/readyz` says what is waited for. Rejects with StartError or ListenError.
 */
export async function runInCluster(
  settings: ClusterSettings,
  log: Log,
): Promise<ClusterController> {
  const { namespace, clusterDomain } = settings
  const client = openClient(settings, log)
  const now = (): Date => new Date()
  const pod = hostname()
  const events = createEvents({ client, controller: program, instance: pod, log })
  const problems = createProblems(log, () => [
    ...source.problems(),
    ...secrets.problems(),
    ...bundles.problems(),
    ...[serviceAccountKeys.problem(), lease.problem()].filter((one) => one !== undefined),
  ])
  const onDamage = (use: SecretUse, message: string | undefined): void => {
    const name = secretNames[use]
    const text =
      message === undefined
        ? undefined
        : `Secret ${namespace}/${name} cannot be used: ${message}; ${remedies[use]}`
    if (!problems.say(name, text) || text === undefined || !lease.leading()) return
    const regarding = { apiVersion: 'v1', kind: 'Secret', name, namespace }
    events.record({ regarding, type: 'Warning', reason: 'Damaged', action: 'Read', note: text })
  }

  let latest: Outcome | undefined
  const core = createCore({
    ...settings,
    keys: () => grounds.believed()?.keys ?? { issuer: settings.authorityIssuer, keys: [] },
    certificateEnds: () => grounds.serving()?.notAfter,
    problems: () => problems.list(),
    counts: () => [source, secrets, bundles].flatMap((one) => one.counts()),
    openStatus: (parts) =>
      createStatusObjects({
        ...parts,
        client,
        live: (kind, key) => source.live(kind, key),
        leading: () => lease.leading(),
        events,
        log,
        now,
        onFailure: (error) => {
          problems.say('status', error === undefined ? undefined : wordsOf(error))
        },
      }),
    onOutcome: (outcome) => {
      latest = outcome
      if (lease.leading()) tellPods(outcome)
    },
    log,
  })
  const { index, metrics } = core
  const tellBarePods = createBarePods(events, namespace)
  const tellUnknownKeys = createUnknownKeys(events, namespace)
  /** What is told by an Event: the leader does. */
  const tellPods = (outcome: Outcome): void => {
    tellBarePods(outcome)
    tellUnknownKeys(outcome)
  }
  const discovery = createDiscoveryServer({
    index,
    serviceAccounts: () => core.trust()?.serviceAccounts,
    authority: { namespace, serviceAccount: 'tokenward-authority' },
    nowSeconds: () => Math.floor(Date.now() / 1000),
    onUnknownKey: () => serviceAccountKeys.missing(),
    peerCertificate: () => grounds.serving()?.certificate,
    random: Math.random,
    log,
    metrics,
  })
  const isReady = (): boolean => index.current() !== undefined && served !== undefined
  const admin = createAdmin({
    isReady,
    notReady: () => {
      const waited = grounds.missing().map((what) => `waiting for ${what}`)
      return ['no view yet', ...waited, ...problems.list()].join('\n')
    },
    metrics,
  })
  const [discoveryAt, adminAt] = await openPorts(settings, discovery.server, admin).catch(
    async (error: unknown) => {
      await core.close()
      client.close()
      throw error
    },
  )

  let served: Serving | undefined
  /** Secrets, keys or the time have changed. */
  const look = (): void => {
    grounds.look(now())
    const serving = grounds.serving()
    if (serving !== undefined && serving !== served) {
      discovery.serveWith(serving)
      served = serving
      log.info({ ends: serving.notAfter.toISOString() }, 'serving with a certificate')
    }
    source.again()
    chores.add('keep')
  }
  /** What the leader does for all: one thing at a time, again where it failed. */
  const chores = createWorkQueue({
    name: 'chores',
    log,
    async work() {
      if (!lease.leading()) return
      try {
        await keepSecrets({ client, secrets, namespace, clusterDomain, now: now(), log, onDamage })
        const bundle = grounds.serving()?.bundle
        if (bundle !== undefined) await bundles.keep(bundle)
        problems.say('chores', undefined)
      } catch (error) {
        problems.say('chores', wordsOf(error))
        throw error
      }
    },
  })
  const lease = createLease({
    client,
    namespace,
    name: program,
    identity: `${pod}_${randomUUID()}`,
    address: ownAddress(discoveryAt),
    onLeading: () => {
      chores.add('keep')
      core.again()
      if (latest !== undefined) tellPods(latest)
    },
    onLost: () => undefined,
    log,
  })
  const secrets = followSecrets({ client, namespace, log, onChange: look })
  const bundles = followCaBundles({ client, log, onChange: () => chores.add('keep') })
  const serviceAccountKeys = followServiceAccountKeys({ client, log, onChange: look })
  const grounds = createGrounds({
    secrets,
    serviceAccountKeys,
    namespace,
    issuer: settings.authorityIssuer,
    onDamage,
  })
  const source = followCluster({
    client,
    log,
    believed: () => grounds.believed(),
    onSnapshot: (snapshot) => core.take(snapshot),
    onConfirmed: (ageMs, seen) => index.confirm(ageMs, seen),
  })
  const told = tellProgress({
    index,
    leader: () => {
      const address = lease.leading() ? undefined : lease.leader()?.address
      return address === undefined ? undefined : `https://${address}`
    },
    serverName: `${program}.${namespace}.svc`,
    serving: () => grounds.serving(),
    log,
  })
  const renewal = setInterval(look, renewalCheckMs)
  lease.start()

  const urls = {
    discoveryUrl: `https://${formatAddress(discoveryAt)}`,
    adminUrl: `http://${formatAddress(adminAt)}`,
  }
  log.info({ ...urls, server: client.server, namespace }, 'the controller runs')
  return {
    ...urls,
    isReady,
    leading: () => lease.leading(),
    async close() {
      clearInterval(renewal)
      for (const one of [source, secrets, bundles, serviceAccountKeys, told]) one.close()
      await chores.close()
      // Before the streams end: that they do says nothing of policies.
      await core.close()
      await lease.close()
      await Promise.all([drain(admin, adminGraceMs), discovery.close()])
      await events.close()
      client.close()
    },
  }
}

/** Both, or none. Rejects with ListenError. */
async function openPorts(
  settings: ClusterSettings,
  discovery: Server,
  admin: Server,
): Promise<readonly [Address, Address]> {
  const what = 'the discovery port (--discovery-address)'
  const discoveryAt = await listen(discovery, settings.discoveryAddress, what)
  try {
    return [
      discoveryAt,
      await listen(admin, settings.adminAddress, 'the admin port (--admin-address)'),
    ]
  } catch (error) {
    await drain(discovery, 0)
    throw error
  }
}

function openClient({ kubeconfig }: ClusterSettings, log: Log): KubeClient {
  try {
    return openKubeClient({ ...(kubeconfig === undefined ? {} : { kubeconfig }), log })
  } catch (error) {
    throw new StartError('inputMissing', wordsOf(error), error)
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no reason given'
}
