import { setting } from '../../pkg/config/settings.ts'
import { parseAddress } from '../../pkg/http/address.ts'

const file = (help: string) =>
  setting.path({ help, placeholder: 'FILE', exists: 'file', required: true })

export const definition = {
  program: 'authority',
  summary: 'Issues tokens: OAuth 2.0 client credentials and token exchange.',
  fields: {
    listenAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'Where it answers (TLS).',
      default: '127.0.0.1:15480',
    }),
    adminAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'Readiness and metrics.',
      default: '127.0.0.1:15481',
    }),
    issuer: setting.url({
      help: 'Issuer identifier, which its tokens carry.',
      required: true,
    }),
    controllers: setting.list(
      setting.url({
        help: 'Addresses of the controllers, tried in turn; repeatable.',
        required: true,
      }),
      { required: true },
    ),
    caFile: file('PEM roots that the controllers are verified by.'),
    discoveryTokenFile: file('Service-account token for the controllers.'),
    // Not there yet where the controller has not made it: waited for.
    signingKeyFile: setting.path({
      help: 'Signing keys, as the controller keeps them.',
      placeholder: 'FILE',
      required: true,
    }),
    certificateFile: file('PEM certificate to serve with.'),
    privateKeyFile: file('PEM private key of the certificate.'),
    stateFolder: setting.path({
      help: 'Folder where the last policy is kept.',
      placeholder: 'DIR',
      exists: 'folder',
      required: true,
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
