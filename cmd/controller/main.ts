import { settingsOrExit } from '../../pkg/config/settings.ts'
import { run } from '../../pkg/controller/run.ts'
import { describeStartFailure } from '../../pkg/http/start-failure.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const log = createLog({ name: definition.program, level: settings.logLevel })
// Before the start: a signal that comes during it is obeyed after it. A second one ends us at once.
const stopped = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => resolve())
  process.once('SIGINT', () => resolve())
})
try {
  const controller = await run(settings, log)
  await stopped
  await controller.close()
  process.exit(0)
} catch (error) {
  const { exitCode, text } = describeStartFailure(definition.program, error)
  process.stderr.write(`${text}\n`)
  process.exit(exitCode)
}
