import type { Quantity } from './quantity.ts'

export type Interception = 'redirect' | 'explicit'
export type Unmatched = 'pass' | 'deny'
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type SidecarLogLevel = (typeof logLevels)[number]

/** What a sidecar may use; without a CPU limit it has none. */
export interface SidecarResources {
  readonly cpuRequest: Quantity
  readonly cpuLimit: Quantity | undefined
  readonly memoryRequest: Quantity
  readonly memoryLimit: Quantity
}

/** What the platform says of every injected pod. */
export interface InjectConfig {
  /** Of the product; shown on pods. */
  readonly version: string
  /** Namespace of the control plane. */
  readonly namespace: string
  readonly image: string
  readonly imagePullPolicy: string
  readonly controllers: readonly string[]
  readonly authority: string
  /** PEM roots of controllers and authority. */
  readonly caBundle: string
  readonly interception: Interception
  readonly resources: SidecarResources
  readonly logLevel: SidecarLogLevel
}

/** The namespace that a pod is made in. */
export interface NamespaceFacts {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}
