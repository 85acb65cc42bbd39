import { portOf, type LocalFile, type LocalWorkload } from './read-local.ts'
import type { PortWish } from './ports.ts'

/** A workload with every name and port settled. */
export interface PlannedWorkload {
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly service: LocalWorkload['service']
  readonly labels: Readonly<Record<string, string>>
  /** The sidecar's, in front of the app: what the Service's port leads to. */
  readonly inboundPort: number
  /** The sidecar's proxy for what the app calls. */
  readonly outboundPort: number
  readonly adminPort: number
  readonly routes: readonly { readonly service: string; readonly port: number }[]
  readonly app: {
    readonly address: string
    readonly command?: readonly string[] | undefined
    readonly env: Readonly<Record<string, string>>
  }
}

export interface Plan {
  readonly workloads: readonly PlannedWorkload[]
  readonly authorityPort: number
  readonly authorityAdminPort: number
  readonly discoveryPort: number
  readonly controllerAdminPort: number
}

/** Every port that must be free before anything starts. */
export function portWishes(file: LocalFile): PortWish[] {
  const own = (at: string | undefined): number | undefined => portOf(at)
  return [
    { key: 'authority', what: 'the authority (ports.authority)', port: file.ports.authority },
    { key: 'authority admin', what: "the authority's admin port" },
    { key: 'discovery', what: 'the controller (ports.discovery)', port: file.ports.discovery },
    { key: 'controller admin', what: "the controller's admin port" },
    ...file.processes.flatMap((process): PortWish[] =>
      process.address === undefined
        ? []
        : [
            {
              key: `process ${process.name}`,
              what: `process "${process.name}" (address)`,
              port: own(process.address),
            },
          ],
    ),
    ...file.workloads.flatMap((workload): PortWish[] => {
      const id = idOf(workload)
      const what = (field: string): string => `workload "${id}" (${field})`
      return [
        { key: `${id} inbound`, what: what('inbound.port'), port: workload.inbound.port },
        { key: `${id} outbound`, what: what('outbound.port'), port: workload.outbound.port },
        { key: `${id} admin`, what: what('its admin port') },
        ...workload.outbound.routes.map((route) => ({
          key: `${id} route ${route.service}`,
          what: what('outbound.routes'),
          port: route.port,
        })),
        // What we start must find its port free; what runs already has it.
        ...(workload.app.command === undefined
          ? []
          : [{ key: `${id} app`, what: what('app.address'), port: appPort(workload) }]),
      ]
    }),
  ]
}

/** Settles the file with the ports that were chosen. */
export function plan(file: LocalFile, ports: Readonly<Record<string, number>>): Plan {
  const portAt = (key: string): number => {
    const port = ports[key]
    if (port === undefined) throw new Error(`no port was chosen for ${key}`)
    return port
  }
  return {
    authorityPort: portAt('authority'),
    authorityAdminPort: portAt('authority admin'),
    discoveryPort: portAt('discovery'),
    controllerAdminPort: portAt('controller admin'),
    workloads: file.workloads.map((workload) => {
      const id = idOf(workload)
      return {
        name: workload.name,
        namespace: workload.namespace,
        serviceAccount: workload.serviceAccount ?? workload.name,
        service: workload.service,
        labels: workload.labels,
        inboundPort: portAt(`${id} inbound`),
        outboundPort: portAt(`${id} outbound`),
        adminPort: portAt(`${id} admin`),
        routes: workload.outbound.routes.map((route) => ({
          service: route.service,
          port: portAt(`${id} route ${route.service}`),
        })),
        app: {
          ...workload.app,
          address: workload.app.address ?? `127.0.0.1:${portAt(`${id} app`)}`,
        },
      }
    }),
  }
}

/** Where the app itself listens: its own PORT, where something else stands between. */
function appPort({ app }: LocalWorkload): number | undefined {
  const told = Number(app.env['PORT'])
  return Number.isInteger(told) && told > 0 ? told : portOf(app.address)
}

/** `namespace/name`. */
export function idOf(workload: { readonly namespace: string; readonly name: string }): string {
  return `${workload.namespace}/${workload.name}`
}
