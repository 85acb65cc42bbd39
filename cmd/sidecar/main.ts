import { setFlagsFromString } from 'node:v8'
import { settingsOrExit } from '../../pkg/config/settings.ts'
import { describeStartFailure } from '../../pkg/http/start-failure.ts'
import { run } from '../../pkg/proxy/run.ts'
import { exitCodes } from '../../pkg/refusal/exit-codes.ts'
import { contradiction, definition } from './settings.ts'

// What a request makes dies with it: a young generation that grows under load costs 20 MiB and saves nothing.
setFlagsFromString('--semi-space-growth-factor=1')

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
