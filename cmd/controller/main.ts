import { settingsOrExit } from '../../pkg/config/settings.ts'
import { runProcess } from '../../pkg/http/run-process.ts'
import { exitCodes } from '../../pkg/refusal/exit-codes.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { definition, sourceOf } from './settings.ts'

const settings = settingsOrExit(definition, process)
const source = sourceOf(settings)
if ('missing' in source) {
  process.stderr.write(`${definition.program}: ${source.missing}\n`)
  process.exit(exitCodes.usage)
}
const log = createLog({ name: definition.program, level: settings.logLevel })
await runProcess(
  definition.program,
  async () => {
    if ('folder' in source) {
      const { run } = await import('../../pkg/controller/run.ts')
      return run({ ...settings, ...source }, log)
    }
    const { runInCluster } = await import('../../pkg/controller/run-in-cluster.ts')
    const { kubeconfig, ...rest } = settings
    return runInCluster({ ...rest, ...(kubeconfig === undefined ? {} : { kubeconfig }) }, log)
  },
  process,
)
