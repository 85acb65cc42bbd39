import { expect, test } from 'vitest'
import { dropInboundTrailer, dropOutboundTrailer, scanFields } from './fields.ts'

test.each([
  'Tokenward-Subject',
  'tokenward-caller',
  'TOKENWARD-ACTORS',
  'Tokenward_Scope',
  'tokenward_subject',
  'Tokenward.Decision',
  'tOkEnWaRd-Anything-Else',
  'Tokenward-Handle',
  'Tokenward_Handle',
  'X-Forwarded-Client-Cert',
  'x_forwarded_client_cert',
  'X-Original-URL',
  'x-original-uri',
  'X_Original_URL',
  'X-Rewrite-URL',
  'X-HTTP-Method-Override',
  'x-http-method',
  'X_Method.Override',
  'X-Original-Method',
  'X-Forwarded-Uri',
])('%s from outside does not reach the app, in head or trailers', (name) => {
  expect(scanFields(['Accept', '*/*', name, 'x'], 'inbound').kept).toEqual(['Accept', '*/*'])
  expect(dropInboundTrailer(name.toLowerCase())).toBe(true)
})

test.each([
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Request-Id',
  'Tokenward',
  'Tokenwarden-Subject',
  'X-Tokenward-Subject',
  'Cookie',
  '__proto__',
  'constructor',
  'Trace',
  'Authorization-Info',
])('%s from outside reaches the app untouched', (name) => {
  expect(scanFields([name, 'x'], 'inbound').kept).toEqual([name, 'x'])
  expect(dropInboundTrailer(name.toLowerCase())).toBe(false)
})

test.each(['Tokenward-Handle', 'tokenward_subject', 'TOKENWARD-DECISION'])(
  '%s does not leave, in head or trailers',
  (name) => {
    expect(scanFields([name, 'x'], 'outbound').kept).toEqual([])
    expect(dropOutboundTrailer(name.toLowerCase())).toBe(true)
  },
)

test('what an app says of path and method of its own call is its own', () => {
  const fields = ['X-HTTP-Method-Override', 'PUT', 'X-Forwarded-Client-Cert', 'x']
  expect(scanFields(fields, 'outbound').kept).toEqual(fields)
  expect(dropOutboundTrailer('x-http-method-override')).toBe(false)
})

test.each(['authorization', 'tracestate', 'traceparent'])('%s is no trailer', (name) => {
  expect(dropInboundTrailer(name)).toBe(true)
  expect(dropOutboundTrailer(name)).toBe(true)
})

test('what is judged is taken out, each value by itself', () => {
  const scan = scanFields(
    [
      ...['AUTHORIZATION', 'Bearer a', 'authorization', 'Bearer b'],
      ...['TraceState', 'a=1', 'traceparent', 'p', 'tracestate', 'b=2', 'Tokenward-Handle', 'h'],
    ],
    'inbound',
  )
  expect(scan).toEqual({
    kept: [],
    authorizations: ['Bearer a', 'Bearer b'],
    tracestate: 'a=1,b=2',
    traceparents: ['p'],
    handles: ['h'],
  })
})

test('outbound the parent stays where the app put it', () => {
  const scan = scanFields(['traceparent', 'p', 'tracestate', 'a=1'], 'outbound')
  expect(scan.kept).toEqual(['traceparent', 'p'])
  expect(scan.traceparents).toEqual(['p'])
})
