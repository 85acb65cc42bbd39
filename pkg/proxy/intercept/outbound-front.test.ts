import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createOutboundFront } from './outbound-front.ts'

/** What becomes of a connection from `remoteAddress` that was going to `host`. */
function accepted(remoteAddress: string, host = '10.0.0.9'): 'taken' | 'closed' {
  let outcome: 'taken' | 'closed' | undefined
  const socket = {
    remoteAddress,
    writableEnded: false,
    resetAndDestroy: () => (outcome = 'closed'),
  }
  const front = createOutboundFront({
    originalDestination: () => ({ host, port: 80 }),
    pod: { includes: (each) => each === '10.0.0.5' || each === 'fd00::5' },
    sniffing: {
      take: () => (outcome = 'taken'),
      endIdle: () => undefined,
      abort: () => undefined,
    },
    counts: { strayed: 0, appTls: 0, spliced: 0 },
    greeting: '',
  })
  front.accept(socket as unknown as Socket, () => undefined)
  if (outcome === undefined) throw new Error('nothing became of it')
  return outcome
}

test.each(['127.0.0.1', '::1', '10.0.0.5', 'fd00::5', '::ffff:10.0.0.5'])(
  'the app calls out from %s',
  (address) => {
    expect(accepted(address)).toBe('taken')
  },
)

test.each(['10.0.0.6', 'fd00::6', '::ffff:10.0.0.6', ''])(
  'nobody else calls out through this pod: %s',
  (address) => {
    expect(accepted(address)).toBe('closed')
  },
)
