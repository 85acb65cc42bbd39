import { makeCertificates } from './certificates.ts'
import { componentNames, start, stop } from './components.ts'
import {
  endContainers,
  loadPause,
  makeCgroups,
  makeNetwork,
  removeCgroups,
  removeFolders,
  removeNetwork,
  unmount,
} from './node.ts'
import { files } from './places.ts'
import { buildPrograms, installPackages } from './programs.ts'
import { inside, run, untilItWorks } from './run.ts'
import { settingsFiles, writeSettings } from './settings.ts'

type Say = (text: string) => void

const kubectl = (...words: readonly string[]): string[] => inside(['kubectl', ...words])

/** Brings the node up, from whatever state it is in; resolves when it can run pods. */
export async function up(say: Say): Promise<void> {
  installPackages(say)
  buildPrograms(say)
  say('certificates, settings and a network of its own')
  makeCertificates()
  writeSettings()
  makeNetwork()
  makeCgroups()
  say('etcd, containerd, API server')
  start('etcd')
  start('containerd')
  start('apiserver')
  await untilItWorks('API server', kubectl('get', '--raw', '/readyz'), 60)
  await untilItWorks('containerd', inside(['ctr', '-a', files.socket, 'version']), 30)
  loadPause()
  say('controller manager, scheduler, kube-proxy, kubelet, DNS')
  for (const name of ['controllers', 'scheduler', 'proxy', 'kubelet'] as const) start(name)
  run(kubectl('apply', '-f', settingsFiles.dnsObjects))
  start('dns')
  const wait = ['wait', '--for=condition=Ready', '--timeout=1s']
  await untilItWorks('node', kubectl(...wait, 'node/node1'), 60)
  await untilItWorks('default account', kubectl('get', 'serviceaccount', 'default'), 30)
}

/** Takes everything away but the programs and the certificates. */
export async function down(): Promise<void> {
  for (const name of componentNames.filter((each) => each !== 'containerd').reverse()) {
    await stop(name)
  }
  await endContainers()
  await stop('containerd')
  unmount()
  removeNetwork()
  removeCgroups()
  removeFolders()
}
