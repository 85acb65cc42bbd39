import type { Json } from '../json.ts'
import type { InjectConfig, SidecarResources } from './config.ts'
import {
  apiTokenFolder,
  ports,
  sidecarName,
  sidecarUser,
  stateFolder,
  stateVolume,
  tokensFolder,
  tokensVolume,
} from './names.ts'
import type { PodOptions } from './options.ts'
import type { ProbeTarget } from './probes.ts'

/** The flag whose value a later pass reads back. */
const probesFlag = '--probes='

/** What of a pod decides its sidecar's arguments. */
export interface SidecarParts {
  readonly options: PodOptions
  /** By the path at which the kubelet asks for them. */
  readonly targets: Readonly<Record<string, ProbeTarget>>
  /** `explicit`: where the sidecar tries whether it can be gone around. */
  readonly appPorts: readonly number[]
}

/**
 * The sidecar as a native sidecar (`restartPolicy: Always`). What the API server would fill in is written
 * out, so that the container looks the same when it comes back in another pass.
 */
export function sidecarContainer(config: InjectConfig, parts: SidecarParts): Json {
  return {
    name: sidecarName,
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    command: ['node', '/tokenward/sidecar.mjs'],
    args: argumentsOf(config, parts),
    env: [{ name: 'TOKENWARD_CA_BUNDLE', value: config.caBundle }],
    restartPolicy: 'Always',
    // The app's containers start once a policy is applied: that may take as long as no controller answers.
    // `redirect` waits for it in the kubelet's stead, which looks once a second.
    ...(parts.options.interception === 'redirect'
      ? {}
      : { startupProbe: probe('/startupz', { periodSeconds: 1, failureThreshold: 600 }) }),
    readinessProbe: probe('/readyz', { periodSeconds: 2, failureThreshold: 3 }),
    resources: resourcesOf(parts.options.resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: sidecarUser,
      runAsGroup: sidecarUser,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: tokensVolume, mountPath: tokensFolder, readOnly: true },
      { name: stateVolume, mountPath: stateFolder },
      // Where something is mounted already, the API server's own plugin adds no token for itself.
      { name: tokensVolume, mountPath: apiTokenFolder, readOnly: true },
    ],
  }
}

function argumentsOf(config: InjectConfig, { options, targets, appPorts }: SidecarParts): string[] {
  const interception =
    options.interception === 'redirect'
      ? ['--interception=redirect']
      : [
          ...options.inbound.map(({ listen, app }) => `--inbound=[::]:${listen}=127.0.0.1:${app}`),
          `--outbound-address=127.0.0.1:${ports.outbound}`,
          ...(appPorts.length === 0 ? [] : [`--app-ports=${appPorts.join(',')}`]),
        ]
  return [
    ...interception,
    `--controllers=${config.controllers.join(',')}`,
    `--authority=${config.authority}`,
    `--discovery-token-file=${tokensFolder}/discovery`,
    `--authority-token-file=${tokensFolder}/authority`,
    `--state-folder=${stateFolder}`,
    `--probe-address=[::]:${ports.probes}`,
    `--metrics-address=[::]:${ports.metrics}`,
    ...(Object.keys(targets).length === 0 ? [] : [`${probesFlag}${textOf(targets)}`]),
    `--unmatched=${options.unmatched}`,
    `--log-level=${options.logLevel}`,
  ]
}

/** As JSON without a dollar sign, which a kubelet would read as the beginning of a variable. */
function textOf(targets: Readonly<Record<string, ProbeTarget>>): string {
  return JSON.stringify(targets).replaceAll('$', '\\u0024')
}

/** The targets of probes that an earlier pass gave to this container; empty where it says none. */
export function earlierTargets(container: Json | undefined): Json {
  const args: unknown = container?.['args']
  if (!Array.isArray(args)) return {}
  const text = args.find(
    (each): each is string => typeof each === 'string' && each.startsWith(probesFlag),
  )
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text.slice(probesFlag.length))
    return typeof value === 'object' && value !== null ? (value as Json) : {}
  } catch {
    return {}
  }
}

export function resourcesOf(resources: SidecarResources): Json {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = resources
  return {
    requests: { cpu: cpuRequest.text, memory: memoryRequest.text },
    limits: {
      ...(cpuLimit === undefined ? {} : { cpu: cpuLimit.text }),
      memory: memoryLimit.text,
    },
  }
}

function probe(
  path: string,
  timing: { readonly periodSeconds: number; readonly failureThreshold: number },
): Json {
  return {
    httpGet: { path, port: ports.probes, scheme: 'HTTP' },
    timeoutSeconds: 1,
    successThreshold: 1,
    ...timing,
  }
}
