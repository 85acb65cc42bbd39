import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { StartError } from '../refusal/exit-codes.ts'
import { isRunning, processIdOf, type ProcessId } from './process-id.ts'

/**
 * Takes the folder for this process; gives what lets go of it. A lock that a dead process left is taken
 * over. Throws StartError.
 */
export function takeLock(path: string): () => void {
  const folder = dirname(path)
  orUnusable(folder, () => makeFolder(folder))
  requireOwn(folder)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const file = orUnusable(folder, () => openNew(path))
    if (file !== undefined) {
      orUnusable(folder, () => writeSync(file, JSON.stringify(processIdOf(process.pid))))
      closeSync(file)
      return () => rmSync(path, { force: true })
    }
    const holder = lockHolder(path)
    if (holder !== undefined) {
      const message = `another tokenward (process ${holder}) runs on the state folder ${folder}: stop it, or give another --state`
      throw new StartError('alreadyRunning', message)
    }
    rmSync(path, { force: true })
  }
  throw new StartError(
    'alreadyRunning',
    `the lock ${path} cannot be taken: others start at the same time`,
  )
}

/** Level by level: where a parent takes no folders (/proc), `recursive` of mkdirSync never returns. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  makeFolder(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}

/** Who else may write there could have put keys of his own in place, or links that lead elsewhere. */
function requireOwn(folder: string): void {
  const { uid, mode } = statSync(folder)
  if (uid !== process.geteuid?.()) {
    const message = `the state folder ${folder} belongs to another user, who could read its keys: give another --state`
    throw new StartError('cannotWrite', message)
  }
  if ((mode & 0o022) !== 0) {
    const message = `the state folder ${folder} may be written by other users, and keys lie in it: remove it, or give another --state`
    throw new StartError('cannotWrite', message)
  }
}

/** Undefined where it exists. */
function openNew(path: string): number | undefined {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined
    throw error
  }
}

function orUnusable<T>(folder: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    const message = `the state folder ${folder} cannot be used (${codeOf(error)}): give another --state`
    throw new StartError('cannotWrite', message, error)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

/** The id of the process that runs on the folder of this lock; undefined where none does. */
export function lockHolder(path: string): number | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as ProcessId
    return Number.isInteger(holder.pid) && isRunning(holder) ? holder.pid : undefined
  } catch {
    return undefined
  }
}
