import type { IncomingMessage } from 'node:http'
import { Refusal } from '../refusal/refusal.ts'

/**
 * The whole body of a request, bounded. Rejects with Refusal `invalid_request` once it is larger: what
 * still comes is read and thrown away, so that the answer arrives; `malformed_request` where the peer
 * went away in the middle.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) {
        chunks.push(chunk)
        return
      }
      chunks.length = 0
      reject(
        new Refusal('invalid_request', { hint: `The body may have ${maxBytes} bytes at most.` }),
      )
    })
    request.once('end', () => resolve(Buffer.concat(chunks, bytes).toString('utf8')))
    request.once('close', () => {
      if (!request.complete) reject(new Refusal('malformed_request', {}, new Error('aborted')))
    })
  })
}
