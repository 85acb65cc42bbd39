import { run } from '../../pkg/authority/run.ts'
import { settingsOrExit } from '../../pkg/config/settings.ts'
import { describeStartFailure } from '../../pkg/http/start-failure.ts'
import { createAudit } from '../../pkg/telemetry/audit.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const log = createLog({ name: definition.program, level: settings.logLevel })
try {
  const authority = await run(settings, { log, audit: createAudit({}) })
  const stop = (): void => {
    authority.close().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'the authority did not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (error) {
  const { exitCode, text } = describeStartFailure(definition.program, error)
  process.stderr.write(`${text}\n`)
  process.exit(exitCode)
}
