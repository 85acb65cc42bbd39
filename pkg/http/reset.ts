import type { Socket } from 'node:net'

/**
 * Breaks a connection with a TCP reset, so that what was sent does not look whole. While our end is just
 * on its way the system refuses to reset, and Node would leave the socket open for good: then all that
 * was to be sent is sent, and the connection is only closed. One that is still being opened is given up:
 * Node would wait for it, minutes where nobody answers, to reset it then.
 */
export function reset(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (isEnding || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
