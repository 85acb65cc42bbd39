import { settingsOrExit } from '../../pkg/config/settings.ts'
import { run } from '../../pkg/controller/run.ts'
import { runProcess } from '../../pkg/http/run-process.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const log = createLog({ name: definition.program, level: settings.logLevel })
await runProcess(definition.program, () => run(settings, log), process)
