/**
 * The Kubernetes objects that Tokenward reads, cut to the fields it uses. A folder has them as YAML,
 * a cluster through its watch; nothing else in them matters here.
 */
export interface ObjectMeta {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** RFC 3339; of two resources in conflict the younger gives way. */
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
}

export interface Namespace {
  readonly kind: 'Namespace'
  /** Cluster-scoped: `namespace` is the empty string. */
  readonly metadata: ObjectMeta
}

export interface ServiceAccount {
  readonly kind: 'ServiceAccount'
  readonly metadata: ObjectMeta
}

export interface ServicePort {
  /** Empty where the Service has one unnamed port. */
  readonly name: string
  readonly port: number
  /** A container port's name, or a number (default: `port`). */
  readonly targetPort: number | string
}

export interface Service {
  readonly kind: 'Service'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly clusterIPs: readonly string[]
    readonly ports: readonly ServicePort[]
    /** Absent: no selector, so it cannot be a target. */
    readonly selector?: Readonly<Record<string, string>>
  }
}

export interface Pod {
  readonly kind: 'Pod'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly serviceAccountName: string
    readonly hostNetwork: boolean
    /** Named container ports of all containers, which a Service's `targetPort` may name. */
    readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  }
  readonly status: { readonly podIPs: readonly string[] }
}

export type CoreObject = Namespace | ServiceAccount | Service | Pod
