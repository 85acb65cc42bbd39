import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { StartError } from '../refusal/exit-codes.ts'

/**
 * Replaces a file in one step, readable by its owner alone: a reader finds the old text or the new, and
 * when it cannot be written the old one stays. Throws StartError.
 */
export function writeStateFile(path: string, text: string): void {
  const temporary = `${path}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(temporary, 'w', 0o600)
    try {
      chmodSync(temporary, 0o600)
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    discard(temporary)
    throw new StartError('cannotWrite', `${path} cannot be written: ${wordsOf(error)}`, error)
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // What kept it from being written keeps it from being removed.
  }
}

/** The text of a file; undefined where there is none. Throws StartError. */
export function readStateFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new StartError('inputMissing', `${path} cannot be read: ${wordsOf(error)}`, error)
  }
}

/** The JSON object in a file; undefined where there is none. Throws StartError. */
export function readStateJson(path: string): Readonly<Record<string, unknown>> | undefined {
  const text = readStateFile(path)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>
    }
  } catch {
    // The parser's message may quote a secret.
  }
  throw new StartError(
    'inputInvalid',
    `${path} is damaged: remove the state folder and start again`,
  )
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function wordsOf(error: unknown): string {
  const code = codeOf(error)
  if (code === 'ENOSPC') return 'the disk is full; make room and try again'
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not; check who owns the folder'
  if (code === 'EROFS') return 'the file system is read-only; choose another --state'
  return code ?? String(error)
}
