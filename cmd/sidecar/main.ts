/** Exit codes: 0 stopped as told, 64 a setting is wrong, 69 a port cannot be had, 70 a defect. */
import { exitCodeUsage, settingsOrExit } from '../../pkg/config/settings.ts'
import { ListenError } from '../../pkg/http/listen.ts'
import { run } from '../../pkg/proxy/run.ts'
import { contradiction, definition } from './settings.ts'

const { argv, env, stdout, stderr } = process
const settings = settingsOrExit(definition, {
  argv,
  env,
  stdout,
  stderr,
  exit: (code) => process.exit(code),
})
const against = contradiction(settings)
if (against !== undefined) {
  stderr.write(`sidecar: ${against}\n`)
  process.exit(exitCodeUsage)
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
  if (!(error instanceof ListenError)) throw error
  stderr.write(`sidecar: ${error.message}\n`)
  process.exit(69)
}
