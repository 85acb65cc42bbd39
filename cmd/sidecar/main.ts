import { settingsOrExit } from '../../pkg/config/settings.ts'
import { describeStartFailure } from '../../pkg/http/start-failure.ts'
import { run } from '../../pkg/proxy/run.ts'
import { exitCodes } from '../../pkg/refusal/exit-codes.ts'
import { contradiction, definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const against = contradiction(settings)
if (against !== undefined) {
  process.stderr.write(`${definition.program}: ${against}\n`)
  process.exit(exitCodes.usage)
}

const { inbound, outboundAddress: outbound, routePorts: routes, adminAddress: admin } = settings
try {
  const sidecar = await run({ ...settings, listeners: { inbound, outbound, routes, admin } })
  const stop = (): void => {
    void sidecar.close().then(() => process.exit(0))
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (error) {
  const { exitCode, text } = describeStartFailure(definition.program, error)
  process.stderr.write(`${text}\n`)
  process.exit(exitCode)
}
