import { run } from '../../pkg/authority/run.ts'
import { settingsOrExit } from '../../pkg/config/settings.ts'
import { runProcess } from '../../pkg/http/run-process.ts'
import { createAudit } from '../../pkg/telemetry/audit.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const log = createLog({ name: definition.program, level: settings.logLevel })
const start = () => run(settings, { log, audit: createAudit({}) })
await runProcess(definition.program, start, process)
