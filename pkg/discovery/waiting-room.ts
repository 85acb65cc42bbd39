import type { Socket } from 'node:net'

type Named = Pick<Socket, 'remoteAddress' | 'remotePort'>

/** Connections on which nobody is admitted yet. */
export interface WaitingRoom {
  enter(socket: Socket): void
  /** Somebody is admitted on it; the socket of TLS will do. */
  leave(socket: Named | undefined): void
}

/** Ends those that wait longer than `ms`, and beyond `connections` the one that has waited longest. */
export function createWaitingRoom(limits: {
  readonly connections: number
  readonly ms: number
}): WaitingRoom {
  const waiting = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>()
  const leave: WaitingRoom['leave'] = (socket) => {
    const name = nameOf(socket)
    clearTimeout(waiting.get(name)?.timer)
    waiting.delete(name)
  }
  return {
    enter(socket) {
      const name = nameOf(socket)
      const timer = setTimeout(() => socket.destroy(), limits.ms)
      waiting.set(name, { socket, timer })
      socket.on('close', () => {
        clearTimeout(timer)
        if (waiting.get(name)?.socket === socket) waiting.delete(name)
      })
      const [oldest] = waiting
      if (oldest === undefined || waiting.size <= limits.connections) return
      waiting.delete(oldest[0])
      oldest[1].socket.destroy()
    },
    leave,
  }
}

/** A port of theirs is one connection of theirs to us. */
function nameOf(socket: Named | undefined): string {
  return `${socket?.remoteAddress ?? ''} ${socket?.remotePort ?? ''}`
}
