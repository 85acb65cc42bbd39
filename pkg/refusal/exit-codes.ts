/** How a process of ours ends when it cannot start; the numbers of sysexits.h. */
export const exitCodes = {
  /** A setting is wrong or missing. */
  usage: 64,
  /** A file is not what it should be: its problems are named with line and column. */
  inputInvalid: 65,
  /** A file or folder that is needed is not there or cannot be read as what it should be. */
  inputMissing: 66,
  /** A port cannot be opened. */
  portUnavailable: 69,
  /** A mistake of ours. */
  internal: 70,
  /** A child process has ended, or did not serve in time. */
  notReady: 71,
  /** The state folder cannot be written. */
  cannotWrite: 73,
  /** Another process runs on the same state folder. */
  alreadyRunning: 75,
  /** The kernel does not redirect connections as it must. */
  rulesNotInPlace: 76,
  /** A right is missing: the user or its capabilities. */
  notPermitted: 77,
} as const

/** Why a process cannot start: one line that names the thing and says what to do. */
export class StartError extends Error {
  readonly exitCode: number

  constructor(why: keyof typeof exitCodes, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StartError'
    this.exitCode = exitCodes[why]
  }
}
