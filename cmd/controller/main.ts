import { settingsOrExit } from '../../pkg/config/settings.ts'
import { run } from '../../pkg/controller/run.ts'
import { describeStartFailure } from '../../pkg/http/start-failure.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const log = createLog({ name: definition.program, level: settings.logLevel })
try {
  const controller = await run(settings, log)
  const stop = (): void => {
    controller.close().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'the controller did not stop cleanly')
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
