import http2 from 'node:http2'
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../telemetry/log.ts'
import type { Index } from './index.ts'
import { writeLine } from './lines.ts'
import { progressPath, type PodProgress } from './wire.ts'

/** Acknowledgements come in bursts. */
const debounceMs = 50
/** How often it is looked who leads, and a stream that ended is opened again. */
const lookMs = 1000
/** A stream on which nothing moves is ended by the other side. */
const heartbeatMs = 10_000
/** Half of what a line may have. */
const maxLineBytes = 32 * 1024

export interface ProgressOptions {
  readonly index: Index
  /** `https://host:port` of the replica that leads; undefined while it is this one, or nobody. */
  readonly leader: () => string | undefined
  /** The name in its certificate. */
  readonly serverName: string
  /** PEM: what replicas serve with, and show each other; undefined while there is none. */
  readonly serving: () =>
    | { readonly certificate: string; readonly privateKey: string; readonly bundle: string }
    | undefined
  readonly log: Log
}

/** Tells the leader how far the pods connected here have got, for as long as another one leads. */
export function tellProgress(options: ProgressOptions): { close(): void } {
  const { index, serverName, log } = options
  let stream: { readonly url: string; send(): void; end(): void } | undefined
  let timer: NodeJS.Timeout | undefined

  const open = (url: string): typeof stream => {
    const serving = options.serving()
    if (serving === undefined) return undefined
    const told = new Map<string, PodProgress>()
    const session = http2.connect(url, {
      ca: serving.bundle,
      cert: serving.certificate,
      key: serving.privateKey,
      servername: serverName,
      minVersion: 'TLSv1.3',
    })
    const request = session.request(
      { ':method': 'POST', ':path': progressPath },
      { endStream: false },
    )
    const write = (pods: readonly (readonly [string, PodProgress | null])[]): void => {
      if (request.writable)
        request.write(writeLine({ type: 'progress', pods: Object.fromEntries(pods) }))
    }
    const heart = setInterval(() => write([]), heartbeatMs)
    const end = (): void => {
      clearInterval(heart)
      session.destroy()
      if (stream?.url === url) stream = undefined
    }
    session.on('error', (err) => {
      log.debug({ err, url }, 'the leader is not told')
      end()
    })
    request.on('error', end)
    request.on('close', end)
    request.on('response', ({ ':status': status }) => {
      if (status === 200) return
      log.warn({ url, status }, 'the leader takes no counts')
      end()
    })
    request.resume()
    return {
      url,
      end,
      send() {
        const now = index.local()
        let part: (readonly [string, PodProgress | null])[] = []
        let bytes = 0
        const add = (uid: string, progress: PodProgress | null): void => {
          part.push([uid, progress])
          bytes += JSON.stringify([uid, progress]).length
          if (bytes < maxLineBytes) return
          write(part)
          part = []
          bytes = 0
        }
        for (const uid of told.keys()) {
          if (now.has(uid)) continue
          told.delete(uid)
          add(uid, null)
        }
        for (const [uid, progress] of now) {
          if (isDeepStrictEqual(told.get(uid), progress)) continue
          told.set(uid, progress)
          add(uid, progress)
        }
        if (part.length > 0) write(part)
      },
    }
  }
  const look = (): void => {
    const url = options.leader()
    if (stream !== undefined && stream.url !== url) stream.end()
    if (url === undefined) return
    stream ??= open(url)
    stream?.send()
  }
  index.onAcknowledged(() => {
    timer ??= setTimeout(() => {
      timer = undefined
      stream?.send()
    }, debounceMs)
  })
  const ticking = setInterval(look, lookMs)

  return {
    close() {
      clearInterval(ticking)
      clearTimeout(timer)
      stream?.end()
    },
  }
}
