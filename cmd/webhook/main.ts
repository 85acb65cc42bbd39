import { run } from '../../pkg/admission/run.ts'
import type { ServingFiles } from '../../pkg/admission/certificate.ts'
import { settingsOrExit } from '../../pkg/config/settings.ts'
import { runProcess } from '../../pkg/http/run-process.ts'
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { measureReflectors } from '../../pkg/kube/measure.ts'
import { checkServing, readCertificate } from '../../pkg/pki/read.ts'
import { StartError } from '../../pkg/refusal/exit-codes.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import product from '../../package.json' with { type: 'json' }
import { followNamespaces } from './namespaces.ts'
import { definition } from './settings.ts'

const settings = settingsOrExit(definition, process)
const log = createLog({ name: definition.program, level: settings.logLevel })

function checkFiles({ certificate, privateKey, caBundle }: ServingFiles): Date {
  readCertificate(caBundle, 'the roots (ca.crt)')
  return checkServing({ certificate, privateKey, now: new Date() }).notAfter
}

async function start(): Promise<{ close(): Promise<void> }> {
  const client = openClient()
  const namespaces = followNamespaces(client, log)
  const { version } = product
  const webhook = await run(settings, {
    log,
    version,
    namespaces,
    checkFiles,
    measure: (metrics) => measureReflectors(metrics, () => namespaces.counts()),
  })
  return {
    async close() {
      await webhook.close()
      namespaces.close()
      client.close()
    },
  }
}

function openClient(): KubeClient {
  const { kubeconfig } = settings
  try {
    return openKubeClient({ ...(kubeconfig === undefined ? {} : { kubeconfig }), log })
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason given'
    throw new StartError('inputMissing', why, error)
  }
}

await runProcess(definition.program, start, process)
