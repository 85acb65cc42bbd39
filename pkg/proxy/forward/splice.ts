import type { Socket } from 'node:net'
import { reset } from '../../http/reset.ts'

/**
 * Carries the bytes of two connections to each other, untouched and with back-pressure, until both ends
 * have ended; a connection that breaks breaks the other. Both must allow half-open.
 */
export function splice(one: Socket, other: Socket): void {
  carry(one, other)
  carry(other, one)
}

function carry(from: Socket, to: Socket): void {
  if (from.readableEnded) to.end()
  else from.pipe(to)
  from.on('error', () => {
    if (!to.destroyed) reset(to)
  })
  from.on('close', () => {
    // Ended in order, the other may still have something to say; otherwise it was cut.
    if (!from.readableEnded && !to.destroyed) reset(to)
  })
}
