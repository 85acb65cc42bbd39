import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Stranger {
  readonly url: string
  /** `Authorization` of each request so far. */
  readonly tokens: readonly (string | undefined)[]
  close(): void
}

/** A host that no policy names, which looks for credentials in what it is sent. */
export async function openStranger(): Promise<Stranger> {
  const tokens: (string | undefined)[] = []
  const server = http.createServer((request, response) => {
    tokens.push(request.headers.authorization)
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    tokens,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
