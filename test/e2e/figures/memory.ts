import { get, kubectl, type PodObject } from '../kubectl.ts'
import { figure } from '../report.ts'

const read = `process.stdout.write(/RssAnon:\\s+(\\d+)/.exec(fs.readFileSync('/proc/1/status', 'utf8'))[1])`

/** Resident memory that is a process's own, of the first of each kind. */
export async function memoryFigures(): Promise<void> {
  const places = [
    ['controller', 'tokenward-system', 'tokenward-controller-', undefined],
    ['authority', 'tokenward-system', 'tokenward-authority-', undefined],
    ['webhook', 'tokenward-system', 'tokenward-webhook-', undefined],
    ['sidecar of web', 'shop', 'web-', 'tokenward-sidecar'],
    ['sidecar of reports', 'shop', 'reports-', 'tokenward-sidecar'],
  ] as const
  for (const [name, namespace, prefix, container] of places) {
    const { items } = await get<{ items: PodObject[] }>('pods', '-n', namespace)
    const found = items.find(({ metadata }) => metadata.name.startsWith(prefix))
    const where = container === undefined ? [] : ['-c', container]
    const words = ['exec', '-n', namespace, found?.metadata.name ?? '', ...where, '--']
    const kibibytes = Number(await kubectl([...words, 'node', '-e', read]))
    const mebibytes = kibibytes / 1024
    figure({
      name: `memory of ${name} (anonymous)`,
      value: `${mebibytes.toFixed(1)} MiB`,
      ...(name.startsWith('sidecar') ? { bar: '64 MiB', ofBar: mebibytes / 64 } : {}),
    })
  }
}
