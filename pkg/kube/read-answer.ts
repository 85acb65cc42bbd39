import type { IncomingMessage } from 'node:http'
import { createLines } from './lines.ts'

/** A list of 500 large objects fits. */
const maxAnswerBytes = 256 * 1024 * 1024

/** The whole body. Rejects with the stream's own error, or where it is larger than any list. */
export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

/** What an answer's text says as JSON; undefined where it is none. */
export function parseText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/**
 * Each line of a watch in its turn, until the server ends it. Rejects with BadLineError, with what
 * `onLine` threw, or with what `asNetworkError` makes of the stream's own error.
 */
export function readLines(
  response: IncomingMessage,
  onLine: (value: unknown) => void,
  asNetworkError: (error: unknown) => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines = createLines(onLine)
    const orFail = (step: () => void): void => {
      try {
        step()
      } catch (error) {
        reject(error instanceof Error ? error : new Error('a line could not be taken'))
        response.destroy()
      }
    }
    response.on('data', (chunk: Buffer) => orFail(() => lines.push(chunk)))
    response.on('end', () => {
      orFail(() => lines.end())
      resolve()
    })
    response.on('error', (error) => reject(asNetworkError(error)))
    response.on('close', () => reject(asNetworkError(new Error('the connection broke'))))
  })
}
