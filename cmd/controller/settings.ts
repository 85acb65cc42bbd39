import { setting } from '../../pkg/config/settings.ts'
import { parseAddress } from '../../pkg/http/address.ts'

export const definition = {
  program: 'controller',
  summary: 'Compiles resources and serves sidecars and authorities over the discovery stream.',
  fields: {
    folder: setting.path({
      help: 'Folder of the resources (YAML or JSON); its changes are followed.',
      placeholder: 'DIR',
      exists: 'folder',
      required: true,
    }),
    stateFolder: setting.path({
      help: 'Folder with what a cluster would have (objects, certificates, issuer), and for keys and status.',
      placeholder: 'DIR',
      exists: 'folder',
      required: true,
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
