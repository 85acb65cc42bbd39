import { constants, networkInterfaces } from 'node:os'
import { settingsOrExit } from '../../pkg/config/settings.ts'
import { describeStartFailure } from '../../pkg/http/start-failure.ts'
import { askAt, awaitSidecar } from '../../pkg/redirect/await-sidecar.ts'
import { createExecute } from '../../pkg/redirect/programs.ts'
import { redirect } from '../../pkg/redirect/redirect.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
// The first process of a container has no default for it, and would stay until it is killed.
process.once('SIGTERM', () => process.exit(128 + constants.signals.SIGTERM))
const log = createLog({ name: definition.program, level: settings.logLevel })
const execute = createExecute({
  PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
  // The usual place is on the image's own file system, which is read-only.
  XTABLES_LOCKFILE: '/dev/shm/tokenward-xtables.lock',
})
const hasIPv6 = Object.values(networkInterfaces())
  .flat()
  .some((entry) => entry?.family === 'IPv6' && !entry.internal && !entry.address.startsWith('fe80'))
try {
  await redirect(settings, { execute, hasIPv6, log })
  if (settings.awaitSidecar !== undefined) await awaitSidecar(askAt(settings.awaitSidecar), { log })
} catch (error) {
  const failure = describeStartFailure(definition.program, error)
  process.stderr.write(`${failure.text}\n`)
  process.exitCode = failure.exitCode
}
