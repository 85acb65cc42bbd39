import { readFileSync } from 'node:fs'
import { get } from '../kubectl.ts'
import { check, figure } from '../report.ts'

const system = 'tokenward-system'
const prefix = `system:serviceaccount:${system}:`

interface AuditEvent {
  readonly stage: string
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly apiGroup?: string
    readonly name?: string
  }
  readonly requestReceivedTimestamp: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** Every request of our service accounts so far; a watch counts when it opens. */
function readAudit(file: string): AuditEvent[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user }) => user.username.startsWith(prefix))
    .filter(
      ({ verb, stage }) => stage === (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete'),
    )
}

function resourceOf({ objectRef, requestURI }: AuditEvent): string {
  if (objectRef?.resource === undefined) return requestURI.split('?', 1)[0] ?? ''
  const { resource, subresource, apiGroup = '' } = objectRef
  return [apiGroup, [resource, subresource].filter(Boolean).join('/')].filter(Boolean).join('/')
}

/** Who did what, in words that can be counted. */
function wordsOf(event: AuditEvent): string {
  return `${event.user.username.slice(prefix.length)} ${event.verb} ${resourceOf(event)}`
}

function countBy(events: readonly AuditEvent[]): string {
  const counts = new Map<string, number>()
  for (const event of events) counts.set(wordsOf(event), (counts.get(wordsOf(event)) ?? 0) + 1)
  return [...counts].map(([words, times]) => `${times} × ${words}`).join(', ')
}

const idleSeconds = 60
/** What has just happened is told in status and Events for a while. */
const settleSeconds = 15

/** What a controller asks of the API server while nothing happens. */
export async function idleFigure(file: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, settleSeconds * 1000))
  const since = new Date().toISOString()
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000))
  const events = readAudit(file).filter(
    ({ requestReceivedTimestamp, user }) =>
      requestReceivedTimestamp > since && user.username === `${prefix}tokenward-controller`,
  )
  const isLease = (event: AuditEvent): boolean => event.objectRef?.resource === 'leases'
  const watches = events.filter((event) => !isLease(event) && event.verb === 'watch')
  const others = events.filter((event) => !isLease(event) && event.verb !== 'watch')
  figure({
    name: `requests of idle controllers in ${idleSeconds} s`,
    value: `${events.filter(isLease).length} of the Lease, ${watches.length} watches, others: ${countBy(others) || 'none'}`,
    bar: 'Lease and watches alone',
    ofBar: others.length === 0 ? 1 : Infinity,
  })
}

interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly verbs: readonly string[]
}

interface Binding {
  readonly metadata: { readonly namespace?: string }
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly { readonly name: string; readonly namespace?: string }[]
}

/** Every right of our accounts that the cluster knows now, as `account verb resource`. */
export async function listRights(): Promise<string[]> {
  const rights: string[] = []
  for (const kind of ['clusterrolebindings', 'rolebindings']) {
    const { items } = await get<{ items: Binding[] }>(kind, '-A')
    for (const { subjects = [], roleRef, metadata } of items) {
      const ours = subjects.filter(({ namespace }) => namespace === system)
      if (ours.length === 0) continue
      const where = metadata.namespace === undefined ? [] : ['-n', metadata.namespace]
      const { rules } = await get<{ rules: Rule[] }>(roleRef.kind, roleRef.name, ...where)
      for (const { name } of ours) {
        for (const rule of rules) rights.push(...expand(rule).map((words) => `${name} ${words}`))
      }
    }
  }
  return [...new Set(rights)].sort()
}

function expand({ apiGroups = [], resources = [], nonResourceURLs = [], verbs }: Rule): string[] {
  const things = [
    ...apiGroups.flatMap((group) =>
      resources.map((resource) => (group === '' ? resource : `${group}/${resource}`)),
    ),
    ...nonResourceURLs,
  ]
  return verbs.flatMap((verb) => things.map((thing) => `${verb} ${thing}`))
}

/** From the start of an API server until it is ready: it refuses whoever it has no roles of yet. */
export interface Absence {
  readonly fromIso: string
  readonly toIso: string
}

/** Nothing that we asked for was refused, and nothing that we may do was never done. */
export async function auditChecks(
  file: string,
  rights: readonly string[],
  { untilIso, absences }: { readonly untilIso: string; readonly absences: readonly Absence[] },
): Promise<void> {
  // Uninstalling takes the rights before the processes.
  const events = readAudit(file).filter(
    ({ requestReceivedTimestamp: at }) =>
      at < untilIso && !absences.some(({ fromIso, toIso }) => at >= fromIso && at <= toIso),
  )
  await check('the API server refused us nothing', () => {
    // What admission forbids is no matter of rights: in a namespace that is going away nothing is made.
    const refused = events.filter(
      ({ annotations }) => annotations?.['authorization.k8s.io/decision'] === 'forbid',
    )
    if (refused.length > 0) {
      const first = refused[0]
      const why = first?.annotations?.['authorization.k8s.io/reason'] ?? ''
      throw new Error(`${countBy(refused)}; ${first?.requestReceivedTimestamp} ${why}`)
    }
    return `${events.length} requests`
  })
  await check('every verb that we may use was used', () => {
    const used = new Set(events.map(wordsOf))
    const unused = rights.filter((right) => !used.has(right))
    if (unused.length > 0) throw new Error(unused.join(', '))
    return `${rights.length} rights`
  })
}
