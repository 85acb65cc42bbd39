/** The run itself, where the cluster of KUBECONFIG is reachable: main.ts sees to that. */
import { openApi } from './api.ts'
import { admissionFigure } from './figures/admission.ts'
import { auditChecks, idleFigure, listRights, type Absence } from './figures/audit.ts'
import { memoryFigures } from './figures/memory.ts'
import { startUpFigure } from './figures/start-up.ts'
import { command, kubectl } from './kubectl.ts'
import { localCluster } from './local.ts'
import { followPage } from './page.ts'
import { around } from './parts/around.ts'
import { apiServerAway, authorityAway, controllerAway, webhookAway } from './parts/away.ts'
import { policyEdits } from './parts/edits.ts'
import { badInput } from './parts/bad-input.ts'
import { bothFamilies, explicitMode, leaveParts } from './parts/modes.ts'
import { jobs, probes, refusedPods } from './parts/pods.ts'
import { rollingUpdate } from './parts/rolling.ts'
import { byHandle, shopCalls, tapApps } from './parts/shop.ts'
import { tenants } from './parts/tenants.ts'
import { adopt, check, counts, finish, part, say, skip } from './report.ts'
import { expectAnswer, openStage } from './stage.ts'

const page = 'docs/quick-start-kubernetes.md'
const handleLifeMs = 32_000
const local = localCluster()
const stage = openStage()
const api = openApi()
const absences: Absence[] = []

/** Whatever helps to see why nothing works. */
async function diagnose(): Promise<void> {
  const look = async (...words: string[]): Promise<void> => {
    console.log(`$ kubectl ${words.join(' ')}`)
    console.log(await kubectl(words).catch(String))
  }
  await look('get', 'pods', '-A', '-o', 'wide')
  await look('get', 'events', '-A', '--field-selector=type=Warning')
  for (const name of ['controller', 'authority', 'webhook']) {
    await look('logs', '-n', 'tokenward-system', `deployment/tokenward-${name}`, '--tail=15')
  }
}

/** A suite with a runner and counts of its own. */
async function suite(name: string, file: string): Promise<void> {
  await part(name, async () => {
    const heard = (text: string): void => void process.stdout.write(text.replace(/^(?=.)/gm, '  '))
    adopt(name, await command([process.execPath, file], { heard, mayFail: true }))
  })
}

async function everything(): Promise<void> {
  const leaveOut = local === undefined ? /^make |cluster\/main\.ts/ : /^$/
  let followed = false
  await part('the quick start, as its page has it', async () => {
    followed = await followPage(page, { leaveOut })
  })
  if (!followed) {
    await diagnose()
    return
  }
  let handle = { handle: '', sinceMs: 0 }
  const calls = await part("the shop's calls", async () => {
    await tapApps()
    handle = await shopCalls(stage)
  })
  if (!calls) await diagnose()
  await part('both modes of interception', () => explicitMode(stage))
  await part('both address families', () => bothFamilies(stage))
  await part('probes', probes)
  await part('a Job', jobs)
  await part('pods that cannot be', refusedPods)
  await part('edits of a policy', () => policyEdits(stage, api, 40))
  await part('a rolling update', () => rollingUpdate(stage))
  await part('a handle whose request is over', async () => {
    const leftMs = handle.sinceMs + handleLifeMs - performance.now()
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs))
    await check('it opens nobody', async () =>
      expectAnswer(await byHandle(stage, handle.handle), 403, 'subject_expired'),
    )
  })
  await part('a pod that tries to get around its sidecar', () => around(stage))
  await part('a tenant who tries to widen what he has', () => tenants(stage, api))
  await part('what comes later, and what is broken by hand', () => badInput(api))
  await part('what a pod costs', async () => {
    await admissionFigure(stage)
    await startUpFigure(api, 12)
    await memoryFigures()
  })
  await part('an idle controller', async () => {
    if (local === undefined) skip('requests of an idle controller', 'it takes the audit log')
    else await idleFigure(local.auditLog)
  })
  await part('authority away', () => authorityAway(stage))
  await part('controller away', () => controllerAway(stage, api, local))
  await part('webhook away', () => webhookAway(stage))
  await part('API server away', async () => {
    absences.push(...(await apiServerAway(stage, api, local)))
  })
  await part('what was made beside the shop goes', leaveParts)
}

await part('the cluster', async () => {
  const { serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json'])) as {
    readonly serverVersion: { readonly gitVersion: string }
  }
  say(`Kubernetes ${serverVersion.gitVersion} at ${api.server}`)
})
await everything()
await suite('our client of the API server', 'test/kube/run.ts')
await suite('interception in a network namespace', 'test/netns/run.ts')
const rights = await listRights().catch(() => [])
const whole = { untilIso: new Date().toISOString(), absences }
if (process.env['KEEP'] === undefined || process.env['KEEP'] === '') {
  stage.close()
  await part('all of it taken away', async () => {
    await followPage(page, { kind: 'cleanup' })
    await check('nothing is left', async () => {
      const kinds =
        'mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,crds'
      const left = await kubectl(['get', kinds, '-o', 'name'])
      const ours = left.split('\n').filter((name) => name.includes('tokenward'))
      if (ours.length > 0) throw new Error(ours.join(' '))
    })
  })
}
await part('what we asked of the API server', async () => {
  if (local === undefined) skip('refused and unused verbs', 'it takes the audit log')
  else await auditChecks(local.auditLog, rights, whole)
})
api.close()
stage.close()
const good = finish()
process.send?.(counts)
process.exitCode = good ? 0 : 1
process.disconnect?.()
