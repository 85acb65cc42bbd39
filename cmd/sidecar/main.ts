import { setFlagsFromString } from 'node:v8'
import { settingsOrExit } from '../../pkg/config/settings.ts'
import { runProcess } from '../../pkg/http/run-process.ts'
import { run } from '../../pkg/proxy/run.ts'
import { exitCodes } from '../../pkg/refusal/exit-codes.ts'
import { contradiction, definition, redirectedTo } from './settings.ts'

// What a request makes dies with it: a young generation that grows under load costs 20 MiB and saves nothing.
setFlagsFromString('--semi-space-growth-factor=1')

const settings = settingsOrExit(definition, process)
const against = contradiction(settings)
if (against !== undefined) {
  process.stderr.write(`${definition.program}: ${against}\n`)
  process.exit(exitCodes.usage)
}

const listeners = {
  inbound: settings.inbound,
  outbound: settings.outboundAddress,
  routes: settings.routePorts,
  admin: settings.adminAddress,
  probes: settings.probeAddress,
  metrics: settings.metricsAddress,
}
const redirected = settings.interception === 'redirect' ? redirectedTo : undefined
const start = () => run({ ...settings, listeners, redirected })
await runProcess(definition.program, start, process)
