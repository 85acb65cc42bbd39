import http2 from 'node:http2'
import { createLineReader, maxDownstreamLineBytes, writeLine } from './lines.ts'
import { readDownstream } from './shape.ts'
import { discoveryPath, type Downstream, type Hello, type Upstream } from './wire.ts'

const answerTimeoutMs = 10_000

/** How a connection ended. `behind`: the replica knows less than we do. */
export type Ending =
  | { readonly kind: 'behind' | 'closed' }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'failed'; readonly error: unknown }

export interface Connection {
  readonly ended: Promise<Ending>
  send(line: Upstream): void
  close(): void
}

export interface ConnectOptions {
  /** `https://host:port`. */
  readonly url: string
  /** PEM: the roots that the controller's certificate may chain to, and no others. */
  readonly ca: string
  /** The name that its certificate must have, where that is not the URL's. */
  readonly serverName?: string
  readonly token: string
  readonly hello: Hello
  /** Without a line for this long the stream is given up. */
  readonly silenceMs: number
  readonly onOpen: () => void
  /** Throws where the stream cannot be read on. */
  readonly onLine: (line: Downstream) => void
}

/** One attempt at one controller: connect, say hello, read lines until it ends, whatever the way. */
export function connect(options: ConnectOptions): Connection {
  const { promise: ended, resolve } = Promise.withResolvers<Ending>()
  const session = http2.connect(options.url, {
    ca: options.ca,
    minVersion: 'TLSv1.3',
    ...(options.serverName === undefined ? {} : { servername: options.serverName }),
    settings: { enablePush: false },
  })
  let timer: NodeJS.Timeout
  const finish = (ending: Ending): void => {
    clearTimeout(timer)
    session.destroy()
    resolve(ending)
  }
  const fail = (error: unknown): void => finish({ kind: 'failed', error })
  const expect = (what: string, timeoutMs: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => fail(new Error(`${what} within ${timeoutMs} ms`)), timeoutMs)
  }

  const reader = createLineReader(maxDownstreamLineBytes, (value) => {
    expect('no line', options.silenceMs)
    const line = readDownstream(value)
    if (line !== undefined) options.onLine(line)
  })
  const read = (step: () => void): void => {
    try {
      step()
    } catch (error) {
      fail(error)
    }
  }

  expect('no answer', answerTimeoutMs)
  session.on('error', fail)
  session.on('close', () => finish({ kind: 'closed' }))
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': discoveryPath,
      authorization: `Bearer ${options.token}`,
      'content-type': 'application/x-ndjson',
    },
    { endStream: false },
  )
  stream.on('error', fail)
  stream.on('response', (headers) => {
    const status = headers[':status'] ?? 0
    if (status === 503) finish({ kind: 'behind' })
    else if (status !== 200) finish({ kind: 'refused', status })
    else {
      expect('no line', options.silenceMs)
      options.onOpen()
      stream.on('data', (chunk: Buffer) => {
        if (!session.destroyed) read(() => reader.push(chunk))
      })
    }
  })
  stream.on('end', () => {
    read(() => reader.end())
    finish({ kind: 'closed' })
  })
  stream.write(writeLine(options.hello))

  return {
    ended,
    send: (line) => {
      if (stream.writable) stream.write(writeLine(line))
    },
    close: () => finish({ kind: 'closed' }),
  }
}
