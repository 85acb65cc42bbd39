import { setting } from '../../pkg/config/settings.ts'
import { parseCpu, parseMemory } from '../../pkg/admission/inject/quantity.ts'
import { parseAddress } from '../../pkg/http/address.ts'

export const definition = {
  program: 'webhook',
  summary: 'Puts the sidecar into pods and checks resources, for the API server.',
  fields: {
    listenAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'Where the API server asks (TLS).',
      default: '[::]:10250',
    }),
    adminAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'Readiness and metrics.',
      default: '127.0.0.1:15591',
    }),
    tlsFolder: setting.path({
      help: 'Folder with tls.crt, tls.key and ca.crt (the roots, which sidecars get); changes are followed.',
      placeholder: 'DIR',
      exists: 'folder',
      required: true,
    }),
    kubeconfig: setting.path({
      help: 'Credentials for the API server; without it, those that a pod is given.',
      exists: 'file',
    }),
    namespace: setting.string({
      help: 'Namespace of the control plane, whose pods get no sidecar.',
      pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
      required: true,
    }),
    image: setting.string({
      help: 'Image of the sidecar and of redirect.',
      pattern: /^[^\s]{1,512}$/,
      required: true,
    }),
    imagePullPolicy: setting.string({
      help: 'When nodes pull that image.',
      oneOf: ['Always', 'IfNotPresent', 'Never'],
      default: 'IfNotPresent',
    }),
    controllers: setting.list(
      setting.url({ help: 'Addresses of the controllers, for the sidecar; repeatable.' }),
      { required: true },
    ),
    authority: setting.url({
      help: 'Issuer identifier of the authority, for the sidecar.',
      required: true,
    }),
    interception: setting.string({
      help: 'How traffic reaches the sidecar where neither pod nor namespace says so.',
      oneOf: ['redirect', 'explicit'],
      default: 'redirect',
    }),
    sidecarCpuRequest: setting.parsed(parseCpu, 'CPU', {
      help: "The sidecar's request where neither pod nor namespace says so.",
      default: '10m',
    }),
    sidecarCpuLimit: setting.parsed(parseCpu, 'CPU', {
      help: "The sidecar's limit where neither pod nor namespace says so; without it, none.",
    }),
    sidecarMemoryRequest: setting.parsed(parseMemory, 'MEMORY', {
      help: "The sidecar's request where neither pod nor namespace says so.",
      default: '64Mi',
    }),
    sidecarMemoryLimit: setting.parsed(parseMemory, 'MEMORY', {
      help: "The sidecar's limit where neither pod nor namespace says so.",
      default: '128Mi',
    }),
    sidecarLogLevel: setting.string({
      help: 'Least severe lines that a sidecar logs where neither pod nor namespace says so.',
      oneOf: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    }),
    logLevel: setting.string({
      help: 'Least severe lines that are logged.',
      oneOf: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    }),
  },
} as const
