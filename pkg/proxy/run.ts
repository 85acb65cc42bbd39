import { join } from 'node:path'
import { checkStateFolder } from '../discovery/check-state-folder.ts'
import { subscribe, type Subscription } from '../discovery/subscribe.ts'
import { readTokenFile } from '../discovery/token-file.ts'
import { readRoots, rootsOf } from '../pki/read.ts'
import { createLog, type LogLevel, type Write } from '../telemetry/log.ts'
import { createAuthorityClient } from './authority-client.ts'
import { openOriginalDestination } from './intercept/original-destination.ts'
import { createPodAddresses } from './intercept/pod-addresses.ts'
import type { Listeners, Ports, Redirected } from './listeners.ts'
import { createSidecar, type SidecarOptions } from './sidecar.ts'

export interface RunOptions extends Pick<
  SidecarOptions,
  | 'serviceAddressesFile'
  | 'maxPolicyAgeMs'
  | 'handleLingerMs'
  | 'limits'
  | 'unmatched'
  | 'probes'
  | 'appPorts'
> {
  readonly listeners: Omit<Listeners, 'redirected'>
  /** Where redirected connections arrive; absent: nothing is redirected. */
  readonly redirected?: Omit<Redirected, 'originalDestination' | 'pod'> | undefined
  /** Controllers, `https://host:port`. */
  readonly controllers: readonly string[]
  /** Issuer identifier of the authority. */
  readonly authority: string
  /** PEM roots to begin with, as a file or as text; the policy brings newer ones. */
  readonly caFile?: string | undefined
  readonly caBundle?: string | undefined
  /** Service-account tokens, audiences `tokenward:discovery` and `tokenward:authority`. */
  readonly discoveryTokenFile: string
  readonly authorityTokenFile: string
  /** Where the last good policy is kept; absent: nowhere. */
  readonly stateFolder?: string | undefined
  readonly logLevel: LogLevel
  /** Where log and audit lines go; default standard output. */
  readonly write?: Write
}

export interface Running {
  readonly ports: Ports
  /** Lets what runs end for so long (default 20 s), then breaks it. */
  close(graceMs?: number): Promise<void>
}

const defaultGraceMs = 20_000

/**
 * Runs one sidecar: serves at once by the policy that was kept, follows the controllers, gets tokens
 * from the authority. Throws ListenError, with nothing left open, where a port cannot be had.
 */
export async function run(options: RunOptions): Promise<Running> {
  const { write, stateFolder } = options
  const lines = write === undefined ? {} : { write }
  const log = createLog({ name: 'sidecar', level: options.logLevel, ...lines })
  const { caFile, caBundle } = options
  const firstRoots =
    caFile === undefined ? rootsOf(caBundle ?? '', '--ca-bundle') : await readRoots(caFile)
  await readTokenFile(options.discoveryTokenFile)
  await readTokenFile(options.authorityTokenFile)
  if (stateFolder !== undefined) await checkStateFolder(stateFolder)
  const redirected =
    options.redirected === undefined
      ? undefined
      : {
          ...options.redirected,
          originalDestination: await openOriginalDestination(),
          pod: createPodAddresses(),
        }
  const roots = (): string => {
    const newer = sidecar.state.current()?.sections.trust.bundle ?? ''
    return newer === '' || newer === firstRoots ? firstRoots : `${firstRoots}\n${newer}`
  }
  const authority = createAuthorityClient({
    issuer: options.authority,
    ca: roots,
    assertion: () => readTokenFile(options.authorityTokenFile),
  })
  // Until it is there nothing has been applied and nothing can ask.
  const source: { current?: Subscription } = {}
  const sidecar = createSidecar({
    ...options,
    ...lines,
    listeners: { ...options.listeners, redirected },
    log,
    onBypass: (ports) => source.current?.report(ports),
    ask: (wanted) => authority.ask(wanted),
    source: {
      ageMs: () => source.current?.ageMs() ?? Infinity,
      view: () => ({
        connected: source.current?.connected() ?? false,
        revision: source.current?.revision(),
        hashes: source.current?.hashes() ?? {},
      }),
    },
  })
  let isStopped = false
  const follow = (): void => {
    if (isStopped) return
    source.current = subscribe({
      kind: 'sidecar',
      urls: options.controllers,
      ca: roots,
      token: () => readTokenFile(options.discoveryTokenFile),
      ...(stateFolder === undefined ? {} : { stateFile: join(stateFolder, 'policy.json') }),
      apply: (sections) => {
        sidecar.state.apply(sections)
      },
      log,
    })
  }
  const stop = async (graceMs: number): Promise<void> => {
    isStopped = true
    await sidecar.close(graceMs)
    source.current?.close()
    authority.close()
  }
  if (redirected === undefined) follow()
  try {
    const ports = await sidecar.open()
    log.info({ ports }, 'the sidecar is open')
    // The kernel breaks a connection that is older than the rules: what comes for it looks like a new one.
    if (redirected !== undefined) void sidecar.untilRedirected().then(follow)
    return { ports, close: (graceMs = defaultGraceMs) => stop(graceMs) }
  } catch (error) {
    await stop(0)
    throw error
  }
}
