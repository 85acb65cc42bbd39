import type { IncomingMessage } from 'node:http'
import { Refusal } from '../refusal/refusal.ts'

/** The whole body of a request, bounded. Throws Refusal `invalid_request` when it is larger. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) {
      throw new Refusal('invalid_request', { hint: `The body may have ${maxBytes} bytes at most.` })
    }
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}
