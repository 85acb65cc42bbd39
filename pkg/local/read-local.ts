import { parseYaml, type FieldPath, type YamlProblem } from '../config/yaml.ts'
import {
  defaulted,
  listOf,
  optional,
  portNumber,
  record,
  required,
  text,
  textsByName,
  type Report,
  type Shape,
} from './shape.ts'

/** What `local.yaml` says: the workloads of this machine and what runs beside them. */
export interface LocalFile {
  readonly workloads: readonly LocalWorkload[]
  readonly processes: readonly LocalProcess[]
  /** `{user}` stands for the name. */
  readonly testUsers?: { readonly url: string } | undefined
  readonly ports: LocalPorts
}

/** Ports of the control plane; those that are absent are chosen. */
interface LocalPorts {
  readonly authority?: number | undefined
  readonly discovery?: number | undefined
}

export interface LocalWorkload {
  readonly name: string
  readonly namespace: string
  /** Absent: as the workload is called. */
  readonly serviceAccount?: string | undefined
  readonly service?: LocalService | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly app: LocalApp
  readonly inbound: LocalListener
  readonly outbound: LocalListener & { readonly routes: readonly LocalRoute[] }
}

interface LocalService {
  readonly name: string
  readonly port: number
  readonly portName: string
}

interface LocalApp {
  /** Where it listens, on this machine; absent: a port is chosen and told to it as PORT. */
  readonly address?: string | undefined
  /** Absent: it runs already. */
  readonly command?: readonly string[] | undefined
  readonly env: Readonly<Record<string, string>>
}

interface LocalListener {
  readonly port?: number | undefined
}

/** A loopback port that leads to one port of one Service. */
interface LocalRoute {
  /** `namespace/service:port name`. */
  readonly service: string
  readonly port?: number | undefined
}

export interface LocalProcess {
  readonly name: string
  readonly command: readonly string[]
  readonly address?: string | undefined
  readonly env: Readonly<Record<string, string>>
}

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?'
const name = text(new RegExp(`^${label}$`), 'a name: a-z, 0-9 and "-", at most 63 characters')
const labelKey = /^(?:[a-z0-9][-a-z0-9.]{0,252}\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/
const labels = textsByName(labelKey, 'a label')
const variables = textsByName(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable')
const loopback = text(
  /^(?:127\.0\.0\.1|\[::1\]):[1-9]\d{0,4}$/,
  'an address of this machine, 127.0.0.1:PORT or [::1]:PORT',
)
const command = listOf(text(/^[^\0]+$/, 'a text that is not empty'), { min: 1, max: 64 })

const listener: Shape<LocalListener> = record<LocalListener>({ port: optional(portNumber) })
const noEnv: Readonly<Record<string, string>> = {}

const file = record<LocalFile>({
  workloads: required(
    listOf(
      record<LocalWorkload>({
        name: required(name),
        namespace: defaulted(name, 'default'),
        serviceAccount: optional(name),
        service: optional(
          record<LocalService>({
            name: required(name),
            port: defaulted(portNumber, 80),
            portName: defaulted(name, 'http'),
          }),
        ),
        labels: defaulted(labels, {}),
        app: required(
          record<LocalApp>({
            address: optional(loopback),
            command: optional(command),
            env: defaulted(variables, noEnv),
          }),
        ),
        inbound: defaulted(listener, {}),
        outbound: defaulted(
          record<LocalWorkload['outbound']>({
            port: optional(portNumber),
            routes: defaulted(
              listOf(
                record<LocalRoute>({
                  service: required(
                    text(
                      new RegExp(`^${label}/${label}:${label}$`),
                      'a Service and its port, "namespace/service:port name"',
                    ),
                  ),
                  port: optional(portNumber),
                }),
                { min: 0, max: 32 },
              ),
              [],
            ),
          }),
          { routes: [] },
        ),
      }),
      { min: 1, max: 64 },
    ),
  ),
  processes: defaulted(
    listOf(
      record<LocalProcess>({
        name: required(name),
        command: required(command),
        address: optional(loopback),
        env: defaulted(variables, noEnv),
      }),
      { min: 0, max: 32 },
    ),
    [],
  ),
  testUsers: optional(
    record<{ readonly url: string }>({
      url: required(text(/^https?:\/\/[^\s]*\{user\}/, 'an http URL with "{user}" in it')),
    }),
  ),
  ports: defaulted(
    record<LocalPorts>({ authority: optional(portNumber), discovery: optional(portNumber) }),
    {},
  ),
})

export type LocalReading =
  { readonly file: LocalFile } | { readonly problems: readonly YamlProblem[] }

/** Reads the text of a `local.yaml`; all its problems at once, each with its place. */
export function readLocal(source: string): LocalReading {
  const yaml = parseYaml(source)
  if (yaml.problems.length > 0) return { problems: yaml.problems }
  const [document, second] = yaml.documents
  if (document === undefined || second !== undefined) {
    const message = 'must be one document that lists "workloads"'
    return { problems: [{ line: 1, column: 1, message }] }
  }
  const problems: YamlProblem[] = []
  const report: Report = (at, message) => {
    problems.push({ ...document.locate(at), message })
  }
  const read = file(document.value, [], report)
  if (read !== undefined) judge(read, report)
  return read === undefined || problems.length > 0 ? { problems } : { file: read }
}

/** What no field shows by itself: names and ports that are given twice, an app that cannot be found. */
function judge(read: LocalFile, report: Report): void {
  const seen = new Map<string, string>()
  const once = (key: string, at: FieldPath, what: string): void => {
    const first = seen.get(key)
    if (first !== undefined) report(at, `${what} is taken by ${first}`)
    else seen.set(key, where(at))
  }
  const port = (number: number | undefined, at: FieldPath): void => {
    if (number !== undefined) once(`port ${number}`, at, `port ${number}`)
  }
  for (const [index, workload] of read.workloads.entries()) {
    const at = ['workloads', index] as const
    once(
      `pod ${workload.namespace}/${workload.name}`,
      [...at, 'name'],
      `the name "${workload.name}"`,
    )
    agree(workload, index, read.workloads, report)
    port(workload.inbound.port, [...at, 'inbound', 'port'])
    port(workload.outbound.port, [...at, 'outbound', 'port'])
    for (const [number, route] of workload.outbound.routes.entries()) {
      port(route.port, [...at, 'outbound', 'routes', number, 'port'])
    }
    port(portOf(workload.app.address), [...at, 'app', 'address'])
    if (workload.app.command === undefined && workload.app.address === undefined) {
      report([...at, 'app'], 'needs "command", "address" or both: nothing says where the app is')
    }
  }
  for (const [index, process] of read.processes.entries()) {
    const at = ['processes', index] as const
    once(`process ${process.name}`, [...at, 'name'], `the name "${process.name}"`)
    port(portOf(process.address), [...at, 'address'])
  }
  port(read.ports.authority, ['ports', 'authority'])
  port(read.ports.discovery, ['ports', 'discovery'])
}

/** Pods of one Service are reached by the same port of it. */
function agree(
  { namespace, service }: LocalWorkload,
  index: number,
  workloads: readonly LocalWorkload[],
  report: Report,
): void {
  const first = workloads.findIndex(
    (other) => other.namespace === namespace && other.service?.name === service?.name,
  )
  const described = workloads[first]?.service
  if (service === undefined || described === undefined) return
  if (service.port === described.port && service.portName === described.portName) return
  const message = `Service "${service.name}" has another port at workloads[${first}].service`
  report(['workloads', index, 'service'], message)
}

/** The port of an address that was read; undefined where there is none. */
export function portOf(address: string | undefined): number | undefined {
  return address === undefined ? undefined : Number(address.slice(address.lastIndexOf(':') + 1))
}

function where(at: FieldPath): string {
  return at
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .slice(1)
}
