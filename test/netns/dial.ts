/** Dials what its argument says and prints what it heard as JSON. */
import { connect } from 'node:net'
import type { Dialled, Dialling } from './pod.ts'

const { host, port, say, until, from } = JSON.parse(process.argv[2] ?? '') as Dialling
const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) })
let heard = ''
let error: string | undefined
const end = (): void => {
  const said: Dialled = { heard, ...(error === undefined ? {} : { error }) }
  process.stdout.write(JSON.stringify(said), () => process.exit())
}
socket.setTimeout(3_000, () => {
  error = 'timeout'
  socket.destroy()
})
if (say !== undefined) socket.write(say, 'latin1')
socket.on('data', (bytes) => {
  heard += bytes.toString('latin1')
  if (until !== undefined && heard.includes(until)) socket.destroy()
})
socket.on('error', (problem: NodeJS.ErrnoException) => (error = problem.code ?? problem.message))
socket.on('close', end)
