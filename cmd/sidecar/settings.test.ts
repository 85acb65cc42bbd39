import { expect, test } from 'vitest'
import { readSettings, SettingsStop } from '../../pkg/config/settings.ts'
import { contradiction, definition } from './settings.ts'

const flags = {
  inbound: '127.0.0.1:8080=127.0.0.1:8081',
  'outbound-address': '127.0.0.1:15402',
  'route-ports': '127.0.0.1:9001=shop/payments:http',
  controllers: 'https://127.0.0.1:15400',
  authority: 'https://127.0.0.1:15500',
  'ca-file': 'package.json',
  'discovery-token-file': 'package.json',
  'authority-token-file': 'package.json',
}

const redirected = {
  interception: 'redirect',
  inbound: undefined,
  'outbound-address': undefined,
}

/** What is wrong, or nothing. */
function problemOf(change: Readonly<Record<string, string | undefined>>): string | undefined {
  const argv = Object.entries({ ...flags, ...change }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  )
  try {
    return contradiction(readSettings(definition, { argv, env: {} }))
  } catch (error) {
    if (error instanceof SettingsStop) return error.message
    throw error
  }
}

test.each([
  ['all that is needed', {}],
  ['an address for everybody to arrive at', { inbound: '0.0.0.0:8080=127.0.0.1:8081' }],
  ['a route by its port number', { 'route-ports': '127.0.0.1:9001=shop/payments:80' }],
  ['several of each', { inbound: '127.0.0.1:1=127.0.0.1:2,127.0.0.1:3=127.0.0.1:4' }],
  ['all connections', { ...redirected, 'probe-address': '[::]:15494' }],
  ['roots as text', { 'ca-file': undefined, 'ca-bundle': '-----BEGIN CERTIFICATE-----' }],
  ['an admin port in both families', { 'admin-address': '127.0.0.1:15490,[::1]:15490' }],
  ['probes', { probes: '{"/probes/app/liveness":{"tcpSocket":{"port":80}}}' }],
  [
    'ports that the system chooses',
    { 'outbound-address': '127.0.0.1:0', 'admin-address': '127.0.0.1:0' },
  ],
])('%s is taken', (_, change) => {
  expect(problemOf(change)).toBeUndefined()
})

test.each([
  ['a file that is not there', { 'ca-file': '/nowhere/ca.crt' }, '--ca-file'],
  ['an address that is none', { inbound: '8080' }, '--inbound'],
  ['an app without a port', { inbound: '127.0.0.1:8080=127.0.0.1:0' }, '--inbound'],
  ['an admin port for everybody', { 'admin-address': '0.0.0.0:15490' }, '--admin-address'],
  ['a proxy for everybody', { 'outbound-address': ':15402' }, '--outbound-address'],
  ['a bound port for everybody', { 'route-ports': '0.0.0.0:1=a/b:c' }, '--route-ports'],
  ['a route that is none', { 'route-ports': '127.0.0.1:9001=payments' }, '--route-ports'],
  ['an authority without TLS', { authority: 'http://127.0.0.1:1' }, '--authority'],
  ['a setting that does not exist', { inbuond: 'x' }, '--inbound'],
  ['an app that is the sidecar', { inbound: '127.0.0.1:8080=127.0.0.1:15402' }, 'port 15402'],
  ['a listener beside all connections', { interception: 'redirect' }, '--inbound'],
  [
    'a proxy beside all connections',
    { ...redirected, 'outbound-address': '127.0.0.1:1' },
    '--outbound-address',
  ],
  [
    'a port that redirected connections come to',
    { ...redirected, 'probe-address': '[::]:15401' },
    'port 15401',
  ],
  ['no roots', { 'ca-file': undefined }, '--ca-bundle'],
  ['roots twice', { 'ca-bundle': 'x' }, '--ca-bundle'],
  ['probes that are none', { probes: '{"/policy":{}}' }, '--probes'],
  ['another word for unmatched', { unmatched: 'drop' }, '--unmatched'],
  ['one port for two', { 'admin-address': '127.0.0.1:15402' }, 'port 15402'],
])('%s is refused with one line', (_, change, named) => {
  const problem = problemOf(change)
  expect(problem).toContain(named)
  expect(problem?.split('\n')).toHaveLength(1)
})
