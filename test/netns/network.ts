/** A pod and a peer: two network namespaces with a link, IPv4 and IPv6. */
import { execFileSync } from 'node:child_process'

export interface Network {
  readonly pod: string
  readonly peer: string
}

export const addresses = {
  pod: { IPv4: '10.77.0.2', IPv6: 'fd77::2' },
  peer: { IPv4: '10.77.0.1', IPv6: 'fd77::1' },
} as const

function ip(...argv: string[]): void {
  execFileSync('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export function openNetwork(name: string): Network {
  const own = `tw-${process.pid}-${name}`
  const network = { pod: `${own}-pod`, peer: `${own}-peer` }
  for (const namespace of [network.pod, network.peer]) {
    ip('netns', 'add', namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
  }
  ip(
    '-n',
    network.pod,
    'link',
    'add',
    'eth0',
    'type',
    'veth',
    'peer',
    'eth0',
    'netns',
    network.peer,
  )
  for (const [who, namespace] of Object.entries(network)) {
    const { IPv4, IPv6 } = addresses[who as keyof Network]
    ip('-n', namespace, 'address', 'add', `${IPv4}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'address', 'add', `${IPv6}/64`, 'dev', 'eth0', 'nodad')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  }
  // As in a pod: all that is not near goes to the node.
  ip('-n', network.pod, 'route', 'add', 'default', 'via', addresses.peer.IPv4)
  ip('-n', network.pod, '-6', 'route', 'add', 'default', 'via', addresses.peer.IPv6)
  return network
}

export function closeNetwork({ pod, peer }: Network): void {
  for (const namespace of [pod, peer]) ip('netns', 'delete', namespace)
}
