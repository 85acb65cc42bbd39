import { X509Certificate } from 'node:crypto'
import type { ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Refusal } from '../refusal/refusal.ts'
import type { Index } from './index.ts'
import { createLineReader, maxUpstreamLineBytes } from './lines.ts'
import { readProgress } from './shape.ts'

/**
 * Whether who opened a stream holds the key of this certificate (PEM), as only replicas of ours do: TLS
 * has proved it. Throws Refusal `client_forbidden`.
 */
export function checkPeer(stream: ServerHttp2Stream, certificate: string | undefined): void {
  const socket = stream.session?.socket as TLSSocket | undefined
  const { raw } = socket?.getPeerCertificate() ?? {}
  const isPeer =
    raw !== undefined &&
    certificate !== undefined &&
    new X509Certificate(certificate).raw.equals(raw)
  if (!isPeer) throw new Refusal('client_forbidden')
}

/** Reads what another replica tells, for as long as it is connected. */
export function takeProgress(
  stream: ServerHttp2Stream,
  index: Index,
  onBadLine: (error: unknown) => void,
): void {
  const peer = index.peer()
  stream.respond({ ':status': 200 })
  const reader = createLineReader(maxUpstreamLineBytes, (line) => {
    for (const [uid, progress] of Object.entries(readProgress(line).pods)) {
      peer.report(uid, progress ?? undefined)
    }
  })
  stream.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk)
    } catch (error) {
      onBadLine(error)
    }
  })
  stream.on('end', () => stream.end())
  stream.on('close', () => peer.close())
}
