import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Stranger {
  readonly url: string
  sawToken(): boolean
  close(): void
}

/** A host that no policy names, which looks for credentials in what it is sent. */
export async function openStranger(): Promise<Stranger> {
  let saw = false
  const server = http.createServer((request, response) => {
    saw ||= request.headers.authorization !== undefined
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    sawToken: () => saw,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
