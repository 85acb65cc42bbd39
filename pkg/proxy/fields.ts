/** Field names that belong to us on the way in: a request from outside may not say them. */
const identity = new Set(['x-forwarded-client-cert'])

/** Fields by which an app reads another path or method than the one that was judged. */
const overrides = new Set([
  'x-original-url',
  'x-original-uri',
  'x-original-path',
  'x-original-method',
  'x-rewrite-url',
  'x-rewrite-uri',
  'x-override-url',
  'x-forwarded-uri',
  'x-forwarded-path',
  'x-forwarded-method',
  'x-http-method',
  'x-http-method-override',
  'x-http-path-override',
  'x-method-override',
])

const prefix = 'tokenward-'
const handleName = 'tokenward-handle'

export type Direction = 'inbound' | 'outbound'

/** What a head says that is ours to judge; everything else is in `kept`, untouched and in order. */
export interface Scan {
  readonly kept: string[]
  /** Values of `Authorization`, one for each field. */
  readonly authorizations: string[]
  /** Values of `Tokenward-Handle`, in any spelling. */
  readonly handles: string[]
  /** All `tracestate` fields joined. */
  readonly tracestate: string
  /** Inbound: taken out of `kept`. Outbound: left there as well. */
  readonly traceparents: string[]
}

/**
 * Takes apart the fields of a request head (flat: name, value, …). `tokenward-*` always goes; inbound,
 * so do the other fields that are ours or that would change what was judged.
 */
export function scanFields(fields: readonly string[], direction: Direction): Scan {
  const kept: string[] = []
  const authorizations: string[] = []
  const handles: string[] = []
  const traceparents: string[] = []
  let tracestate = ''
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? ''
    const value = fields[at + 1] ?? ''
    switch (name.charCodeAt(0) | 0x20) {
      case 0x61: // a
        if (name.length === 13 && name.toLowerCase() === 'authorization') {
          authorizations.push(value)
          continue
        }
        break
      case 0x74: {
        // t
        const spelled = spell(name)
        if (spelled === 'tracestate') {
          tracestate = tracestate === '' ? value : `${tracestate},${value}`
          continue
        }
        if (spelled === 'traceparent') {
          traceparents.push(value)
          if (direction === 'inbound') continue
        } else if (spelled.startsWith(prefix)) {
          if (spelled === handleName) handles.push(value)
          continue
        }
        break
      }
      case 0x78: // x
        if (direction === 'inbound' && isRemovedX(spell(name))) continue
        break
      default:
    }
    kept.push(name, value)
  }
  return { kept, authorizations, handles, tracestate, traceparents }
}

/** Trailers that may not go on: what is removed from the head, and what was judged there. */
export function dropInboundTrailer(lowerName: string): boolean {
  const name = spell(lowerName)
  return name.startsWith(prefix) || isRemovedX(name) || judged.has(name)
}

/** As `dropInboundTrailer`, for requests that leave. */
export function dropOutboundTrailer(lowerName: string): boolean {
  const name = spell(lowerName)
  return name.startsWith(prefix) || judged.has(name)
}

const judged = new Set(['authorization', 'tracestate', 'traceparent'])

function isRemovedX(spelled: string): boolean {
  return overrides.has(spelled) || identity.has(spelled)
}

/** As frameworks read a name that they turn into a variable: case and punctuation do not count. */
function spell(name: string): string {
  let plain = true
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at)
    if (!((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d)) {
      plain = false
      break
    }
  }
  return plain ? name : name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')
}
