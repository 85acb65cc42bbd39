import { join, resolve } from 'node:path'
import { StartError } from '../refusal/exit-codes.ts'
import {
  appLaunch,
  authorityLaunch,
  controllerLaunch,
  foreign,
  listeningAt,
  sidecarLaunch,
  type Environment,
  type Launch,
  type ProgramName,
} from './commands.ts'
import { endLeftovers } from './leftovers.ts'
import { takeLock } from './lock.ts'
import { statePaths } from './paths.ts'
import { idOf, plan as makePlan, portWishes } from './plan.ts'
import { choosePorts } from './ports.ts'
import { createUids, prepareState, readLocalFile, readLocalText } from './prepare.ts'
import { processIdOf } from './process-id.ts'
import { accepts, untilReady } from './ready.ts'
import { describePlan, readRecord, writeRecord, type LocalRecord } from './record.ts'
import { supervise, type Say, type Supervised } from './supervise.ts'

export interface LocalOptions {
  /** Of resources and `local.yaml`. */
  readonly folder: string
  readonly stateFolder: string
  /** The command that runs one of our processes. */
  readonly program: (name: ProgramName) => readonly string[]
  /** What the children inherit, our own variables aside. */
  readonly env: Environment
  readonly say: Say
  readonly nowMs: () => number
  readonly random: () => number
  /** Gives up a start that is under way. */
  readonly signal: AbortSignal
}

export interface LocalSystem {
  readonly record: LocalRecord
  /** Starts whatever is down. */
  readonly startDown: () => void
  /** Ends everything in order; resolves when nothing runs. */
  stop(): Promise<void>
}

const startDeadlineMs = 30_000
const graceMs = 5000
const tickMs = 20_000

/**
 * Runs the whole system of a folder on this machine and resolves when all of it serves. Throws
 * StartError, with nothing left running, when it cannot.
 */
export async function startLocal(options: LocalOptions): Promise<LocalSystem> {
  const folder = resolve(options.folder)
  const paths = statePaths(resolve(options.stateFolder))
  const { say, nowMs, env, program } = options
  const file = readLocalFile(folder)
  const text = readLocalText(folder)
  const release = takeLock(paths.lock)
  const running: Supervised[] = []
  let timer: NodeJS.Timeout | undefined
  let record: LocalRecord | undefined
  let releasePorts = (): void => undefined

  const attempt = (what: string, action: () => void): void => {
    try {
      action()
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      say('local', `${what}: ${error.message}`)
    }
  }
  const save = (): void => {
    if (record === undefined) return
    const processes = running.flatMap(({ name, pid }) => {
      const id = pid()
      return id === undefined ? [] : [{ name, ...processIdOf(id) }]
    })
    record = { ...record, processes }
    const current = record
    attempt('the state is not kept', () => writeRecord(paths, current))
  }
  const launch = (each: Launch): Supervised => {
    const logFile = join(paths.logs, `${each.name.replaceAll(/[ /]/g, '.')}.log`)
    const supervised = supervise({ ...each, logFile }, { say, changed: save })
    running.push(supervised)
    supervised.start()
    return supervised
  }
  const launchReady = async (launches: readonly Launch[], signal: AbortSignal): Promise<void> => {
    const failed = new AbortController()
    const either = AbortSignal.any([signal, failed.signal])
    const waits = launches.map(async (each) => {
      const supervised = launch(each)
      const died = supervised.firstEnd.then((why): never => {
        throw new StartError('notReady', `${each.name} ${why} (its log is in ${paths.logs})`)
      })
      const ready = untilReady(each.ready, either).catch((): never => {
        const seconds = startDeadlineMs / 1000
        throw new StartError(
          'notReady',
          `${each.name} does not serve after ${seconds} s: see ${paths.logs}`,
        )
      })
      await Promise.race([ready, died])
      supervised.keepUp()
    })
    try {
      await Promise.all(waits)
    } finally {
      failed.abort()
      await Promise.allSettled(waits)
    }
  }
  const stop = async (): Promise<void> => {
    clearInterval(timer)
    for (const layer of layersOf(running)) {
      await Promise.all(layer.map((each) => each.stop(graceMs)))
    }
    save()
    releasePorts()
    release()
  }

  try {
    const before = readRecord(paths)
    await endLeftovers(before?.processes ?? [], say)
    const chosen = await choosePorts(portWishes(file), before?.ports ?? {}, options.random)
    releasePorts = chosen.release
    const { ports } = chosen
    const plan = makePlan(file, ports)
    const { uidOf, used } = createUids(before?.uids ?? {})
    const tokens = prepareState(paths, plan, { uidOf, nowMs: nowMs() })
    record = { ...describePlan(folder, file, plan), processes: [], ports, uids: used() }
    const around = { folder, paths, plan, program, env }
    const deadline = AbortSignal.any([AbortSignal.timeout(startDeadlineMs), options.signal])

    // Issuers among them must answer before the controller asks for their keys.
    await launchReady(
      file.processes.map((each) => foreign(around, each)),
      deadline,
    )
    await launchReady([controllerLaunch(around)], deadline)
    const apps = plan.workloads.flatMap((workload) => appLaunch(around, workload) ?? [])
    const sidecars = plan.workloads.map((workload) => sidecarLaunch(around, workload))
    await launchReady([authorityLaunch(around), ...sidecars, ...apps], deadline)

    for (const workload of plan.workloads) {
      const { address, command } = workload.app
      if (command === undefined && !(await accepts(listeningAt(address)))) {
        say(`app ${idOf(workload)}`, `nothing answers at ${address} yet; start it there`)
      }
    }
    let changed = false
    timer = setInterval(() => {
      if (!changed && readLocalText(folder) !== text) {
        changed = true
        say('local', 'local.yaml has changed: start again to apply it')
      }
      attempt('tokens are not renewed, and trying again', () => {
        tokens.refresh(Math.floor(nowMs() / 1000))
      })
    }, tickMs)
    const settled = record
    return {
      get record() {
        return record ?? settled
      },
      startDown: () => running.forEach((each) => each.start()),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What ends together, first to last: nothing loses what it still needs. */
function layersOf(running: readonly Supervised[]): Supervised[][] {
  const rank = (name: string): number => {
    if (name.startsWith('app ')) return 0
    if (name.startsWith('sidecar ')) return 1
    return name === 'authority' ? 2 : name === 'controller' ? 3 : 4
  }
  const layers: Supervised[][] = [[], [], [], [], []]
  for (const each of running) layers[rank(each.name)]?.push(each)
  return layers
}
