import type { Json } from '../json.ts'
import type { InjectConfig } from './config.ts'
import { apiTokenFolder, ports, redirectName, runVolume, sidecarUser } from './names.ts'
import type { PodOptions } from './options.ts'
import { resourcesOf } from './sidecar-container.ts'

/**
 * The init container that sends the pod's traffic to the sidecar: root, with the two capabilities that
 * iptables needs and no other. It runs beside the sidecar, which it waits for, and asks for as much, so
 * it makes a pod larger where the app asks for less.
 */
export function redirectContainer(config: InjectConfig, options: PodOptions): Json {
  return {
    name: redirectName,
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    command: ['node', '/tokenward/redirect.mjs'],
    args: [
      `--inbound-port=${ports.inbound}`,
      `--outbound-port=${ports.outbound}`,
      `--sidecar-user=${sidecarUser}`,
      `--await-sidecar=127.0.0.1:${ports.admin}`,
      ...listArgument('exclude-inbound-ports', options.excludeInboundPorts),
      ...listArgument('exclude-outbound-ports', options.excludeOutboundPorts),
      ...listArgument('exclude-outbound-cidrs', options.excludeOutboundCidrs),
    ],
    resources: resourcesOf(options.resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: false,
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: runVolume, mountPath: '/run' },
      { name: runVolume, mountPath: apiTokenFolder },
    ],
  }
}

function listArgument(name: string, items: readonly (string | number)[]): string[] {
  return items.length === 0 ? [] : [`--${name}=${items.join(',')}`]
}
