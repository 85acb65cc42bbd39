import { setting, type Settings } from '../../pkg/config/settings.ts'
import { parseAddress } from '../../pkg/http/address.ts'

export const definition = {
  program: 'controller',
  summary: 'Compiles resources and serves sidecars and authorities over the discovery stream.',
  fields: {
    source: setting.string({
      help: 'Where resources come from: a folder of files, or the cluster.',
      oneOf: ['folder', 'cluster'],
      default: 'folder',
    }),
    folder: setting.path({
      help: 'Folder of the resources (YAML or JSON); its changes are followed. Required with source folder.',
      placeholder: 'DIR',
      exists: 'folder',
    }),
    stateFolder: setting.path({
      help: 'Folder with what a cluster would have (objects, certificates, issuer), and for keys and status. Required with source folder.',
      placeholder: 'DIR',
      exists: 'folder',
    }),
    namespace: setting.string({
      help: 'Namespace of the control plane, with its Secrets and its Lease.',
      pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
      default: 'tokenward-system',
    }),
    kubeconfig: setting.path({
      help: 'Credentials of the cluster; without it those that a pod is given, else those of kubectl.',
      placeholder: 'FILE',
      exists: 'file',
    }),
    discoveryAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'Where sidecars and authorities connect (TLS).',
      default: '127.0.0.1:15543',
    }),
    adminAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'Readiness and metrics.',
      default: '127.0.0.1:15590',
    }),
    authorityIssuer: setting.url({
      help: 'Issuer identifier of the authority, which its tokens carry.',
      required: true,
    }),
    trustDomain: setting.string({
      help: 'Trust domain of every identity.',
      pattern: /^[a-z0-9]([-a-z0-9.]{0,252}[a-z0-9])?$/,
      required: true,
    }),
    clusterDomain: setting.string({
      help: 'DNS domain of the cluster.',
      pattern: /^[a-z0-9]([-a-z0-9.]{0,252}[a-z0-9])?$/,
      default: 'cluster.local',
    }),
    allowPrivateIssuers: setting.boolean({
      help: 'Keys of issuers may be fetched from loopback and private addresses, and over http.',
    }),
    logLevel: setting.string({
      help: 'Least severe lines that are logged.',
      oneOf: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    }),
  },
}

type ControllerSettings = Settings<(typeof definition)['fields']>

/** The folders that are read, or the cluster; or what no single setting can show: one that is missing. */
export function sourceOf({
  source,
  folder,
  stateFolder,
}: ControllerSettings):
  | { readonly folder: string; readonly stateFolder: string }
  | { readonly cluster: true }
  | { readonly missing: string } {
  if (source === 'cluster') return { cluster: true }
  const lacks = folder === undefined ? 'folder' : 'state-folder'
  if (folder !== undefined && stateFolder !== undefined) return { folder, stateFolder }
  return { missing: `--${lacks} is required with --source folder; or name --source cluster` }
}
