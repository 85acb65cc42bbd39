import { start, stop } from '../cluster/components.ts'
import { files } from '../cluster/places.ts'
import { command } from './kubectl.ts'

/** What only the cluster of our own lets us do; undefined on somebody else's. */
export interface LocalCluster {
  /** A component away and back. */
  stop(component: 'apiserver'): Promise<void>
  start(component: 'apiserver'): void
  /** Kills the process of a container, as a crash would. */
  kill(containerId: string): Promise<void>
  /** The file that the API server's audit log is written to. */
  readonly auditLog: string
}

/** Its network is the one that this process runs in. */
export function localCluster(): LocalCluster | undefined {
  if (process.env['KUBECONFIG'] !== files.kubeconfig) return undefined
  const ctr = ['ctr', '-a', files.socket, '-n', 'k8s.io']
  return {
    stop,
    start,
    async kill(containerId) {
      const id = containerId.replace(/^containerd:\/\//, '')
      await command([...ctr, 'tasks', 'kill', '-s', 'SIGKILL', id])
    },
    auditLog: files.audit,
  }
}
