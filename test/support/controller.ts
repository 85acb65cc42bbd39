/** A controller in this process and its clients, closed when the test ends. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseYaml } from '../../pkg/config/yaml.ts'
import { run, type Controller, type ControllerSettings } from '../../pkg/controller/run.ts'
import { subscribe, type Subscription } from '../../pkg/discovery/subscribe.ts'
import type { WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { quietLog } from './discovery.ts'
import { makeStateFolder, type StateFolder } from './state-folder.ts'

const closers: (() => Promise<void> | void)[] = []

/** What is closed once the test has ended, the last one first. */
export function closing(close: () => Promise<void> | void): void {
  closers.push(close)
}

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

function settingsOf(state: StateFolder): ControllerSettings {
  return {
    folder: state.folder,
    stateFolder: state.stateFolder,
    discoveryAddress: { host: '127.0.0.1', port: 0 },
    adminAddress: { host: '127.0.0.1', port: 0 },
    authorityIssuer: 'https://127.0.0.1:9999',
    trustDomain: 'local.tokenward.dev',
    clusterDomain: 'cluster.local',
    allowPrivateIssuers: true,
  }
}

/** A running controller on ephemeral ports. */
export async function start(
  state: StateFolder,
  change: Partial<ControllerSettings> = {},
  log: string[] = [],
): Promise<Controller> {
  const controller = await run({ ...settingsOf(state), ...change }, quietLog(log))
  closing(() => controller.close())
  return controller
}

export function folderOf(services: readonly string[]): StateFolder {
  const state = makeStateFolder(services)
  closing(() => state[Symbol.dispose]())
  return state
}

interface Follower {
  readonly subscription: Subscription
  latest(): WorkloadPolicy | undefined
}

/** A sidecar's subscription, with the policy that it was given last. */
export function follow(state: StateFolder, controller: Controller, service: string): Follower {
  let latest: WorkloadPolicy | undefined
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [controller.discoveryUrl],
    ca: () => state.ca,
    token: () => Promise.resolve(state.token(service)),
    apply: (sections) => (latest = sections),
    log: quietLog(),
  })
  closing(() => subscription.close())
  return { subscription, latest: () => latest }
}

/** Methods that the rules of the target port 8080 name. */
export const methodsOf = (policy: WorkloadPolicy | undefined): readonly string[] =>
  policy?.rules.ports['8080']?.rules.flatMap((rule) => rule.operations[0]?.methods ?? []) ?? []

interface StatusFile {
  readonly status: {
    readonly observedGeneration: number
    readonly conditions: readonly {
      type: string
      status: string
      reason: string
      message: string
    }[]
  }
}

export function statusOf(state: StateFolder, file: string): StatusFile | undefined {
  try {
    const text = readFileSync(path.join(state.stateFolder, 'status', file), 'utf8')
    return parseYaml(text).documents[0]?.value as StatusFile
  } catch {
    return undefined
  }
}

/** `True Accepted: message` of a condition in a status file. */
export const conditionOf = (state: StateFolder, file: string, type: string): string | undefined => {
  const found = statusOf(state, file)?.status.conditions.find((one) => one.type === type)
  return found && `${found.status} ${found.reason}: ${found.message}`
}
