/** Our member of `tracestate`; its value is a handle. */
const ours = 'tokenward'
/** W3C Trace Context 3.3.1.1. */
const maxMembers = 32
/** What every receiver must carry (3.3.1.5); some drop a longer list whole. */
const maxCharacters = 512
/** One member (3.3.1.3), as the strictest receivers read it. */
const member =
  /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/

export interface Tracestate {
  /** What others put there, in their order. */
  readonly rest: string
  /** Values of members of our key, in any letter case; empty for one without a value. */
  readonly handles: readonly string[]
}

const none: readonly string[] = []

/** Cuts our members out of a `tracestate` (several fields joined by commas). */
export function splitTracestate(value: string): Tracestate {
  if (value === '' || !value.toLowerCase().includes(ours)) return { rest: value, handles: none }
  const rest: string[] = []
  const handles: string[] = []
  for (const member of value.split(',')) {
    const equals = member.indexOf('=')
    const key = (equals < 0 ? member : member.slice(0, equals)).trim().toLowerCase()
    if (key === ours) handles.push(equals < 0 ? '' : member.slice(equals + 1).trim())
    else if (member.trim() !== '') rest.push(member.trim())
  }
  return { rest: rest.join(','), handles }
}

/**
 * Puts a handle first (3.3.1.3: who changed it last stands first). Of the rest only what no receiver can
 * object to: many drop a whole list for one member, and a caller must not be able to part the app from
 * its handle, for then it would act as itself.
 */
export function joinTracestate(handle: string, rest: string): string {
  let joined = `${ours}=${handle}`
  if (rest === '') return joined
  const keys = new Set<string>()
  for (const part of rest.split(',')) {
    const text = part.trim()
    const key = text.slice(0, text.indexOf('='))
    if (joined.length + 1 + text.length > maxCharacters || keys.size === maxMembers - 1) continue
    if (keys.has(key) || !member.test(text)) continue
    keys.add(key)
    joined += `,${text}`
  }
  return joined
}

/** Whether receivers will accept it (W3C Trace Context 3.2.2): otherwise they drop `tracestate` too. */
export function isTraceparent(value: string): boolean {
  if (value.length < 55 || value[2] !== '-' || value[35] !== '-' || value[52] !== '-') return false
  if (value.startsWith('ff') || (value.startsWith('00') && value.length !== 55)) return false
  if (value.length > 55 && value[55] !== '-') return false
  return (
    isHex(value, 0, 2) &&
    isHex(value, 3, 35) &&
    isHex(value, 36, 52) &&
    isHex(value, 53, 55) &&
    !isZero(value, 3, 35) &&
    !isZero(value, 36, 52)
  )
}

/**
 * A valid `traceparent` as every receiver reads it: of version 00, and of the flags the sampled bit (some
 * take others for a fault, and drop `tracestate` too).
 */
export function plainTraceparent(valid: string): string {
  return `00${valid.slice(2, 53)}0${Number.parseInt(valid.charAt(54), 16) & 1}`
}

/** The trace id of a valid `traceparent`, for the audit line. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent !== undefined && isTraceparent(traceparent)
    ? traceparent.slice(3, 35)
    : undefined
}

function isHex(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at)
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false
  }
  return true
}

function isZero(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (text.charCodeAt(at) !== 0x30) return false
  return true
}
