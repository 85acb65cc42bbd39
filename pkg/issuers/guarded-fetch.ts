import dns from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, request } from 'undici'
import { reachOf } from './address.ts'

/** Fetches text from a URL that a tenant chose. */
export interface GuardedFetch {
  /** The body of a 200 answer; a plain Error, with no more of the answer than its status, for all else. */
  text(url: string): Promise<string>
  close(): Promise<void>
}

/** Resolves a name to every address; as `dns.lookup` with `all`. */
export type Lookup = (
  name: string,
  callback: (
    error: Error | null,
    addresses: readonly { address: string; family: number }[],
  ) => void,
) => void

export interface GuardOptions {
  /** Lets loopback and private addresses and plain `http` through; never link-local or metadata. */
  readonly allowPrivate: boolean
  readonly lookup?: Lookup
  /** Default 5,000, from the first lookup to the last byte. */
  readonly timeoutMs?: number
  /** Default 256 KiB. */
  readonly maxBytes?: number
}

const defaultLookup: Lookup = (name, callback) => {
  dns.lookup(name, { all: true }, callback)
}

/**
 * A fetch whose destination is judged when it is dialled: the address that the name resolved to is the
 * one that is checked and the one that is connected to, so a name that changes its mind gains nothing.
 * Redirects are not followed, no proxy variable is read, bodies and times are bounded.
 */
export function createGuardedFetch(options: GuardOptions): GuardedFetch {
  const { allowPrivate, lookup = defaultLookup, timeoutMs = 5_000, maxBytes = 256 * 1024 } = options
  const mayDial = (address: string): boolean => {
    const reach = reachOf(address)
    return reach === 'public' || (reach === 'private' && allowPrivate)
  }
  const connect = buildConnector({ timeout: timeoutMs, lookup: guard(lookup, mayDial) })
  const agent = new Agent({
    // A literal address never reaches `lookup`.
    connect(target, callback) {
      const host = target.hostname.replace(/^\[(.*)\]$/, '$1')
      if (isIP(host) !== 0 && !mayDial(host)) callback(forbidden(), null)
      else connect(target, callback)
    },
    connections: 2,
    keepAliveTimeout: 1_000,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  return {
    async text(url) {
      const target = judgeUrl(url, allowPrivate)
      const { statusCode, body } = await request(target, {
        dispatcher: agent,
        headers: {
          accept: 'application/jwk-set+json, application/json',
          'accept-encoding': 'identity',
        },
        signal: AbortSignal.timeout(timeoutMs),
      })
      if (statusCode !== 200) {
        // Giving a body up emits an error that nobody else would hear.
        body.on('error', () => undefined).destroy()
        throw new Error(`the answer has status ${statusCode}`)
      }
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length
        // Leaving the loop destroys the body and with it the connection.
        if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
        chunks.push(chunk as Buffer)
      }
      return Buffer.concat(chunks, bytes).toString('utf8')
    },
    close: () => agent.destroy(),
  }
}

function judgeUrl(text: string, allowPrivate: boolean): URL {
  const url = URL.parse(text)
  if (url === null) throw new Error('the URL cannot be read')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowPrivate)) {
    throw new Error('the URL is not https')
  }
  if (url.username !== '' || url.password !== '') throw new Error('the URL holds credentials')
  return url
}

function guard(lookup: Lookup, mayDial: (address: string) => boolean): LookupFunction {
  return (name, { all }, callback) => {
    lookup(name, (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null) callback(error, '', 0)
      else if (first === undefined) callback(new Error('the name has no address'), '', 0)
      // One address that may not be dialled spoils the name: it is a trick or a mistake.
      else if (!addresses.every(({ address }) => mayDial(address))) callback(forbidden(), '', 0)
      else if (all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    })
  }
}

function forbidden(): Error {
  return new Error('the URL leads to an address that may not be dialled')
}
