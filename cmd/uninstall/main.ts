/**
 * What the chart runs before it is uninstalled, and only then: takes the webhook configurations away, which
 * fail closed and would refuse pods once nobody answers.
 */
import { openKubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { removeWebhooks } from './remove.ts'

const client = openKubeClient({ log: createLog({ name: 'uninstall', level: 'info' }) })
try {
  for (const line of await removeWebhooks(client)) console.log(line)
} catch (error) {
  console.error(`uninstall: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  client.close()
}
