import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readLocal } from './read-local.ts'

const small = `workloads:
- name: web
  app: { address: 127.0.0.1:3000 }
`

function problemsOf(source: string): string[] {
  const reading = readLocal(source)
  if ('file' in reading) throw new Error('the file was accepted')
  return reading.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

test('the least that a file can say is one workload and where its app is', () => {
  expect(readLocal(small)).toEqual({
    file: {
      workloads: [
        {
          name: 'web',
          namespace: 'default',
          serviceAccount: undefined,
          service: undefined,
          labels: {},
          app: { address: '127.0.0.1:3000', command: undefined, env: {} },
          inbound: {},
          outbound: { routes: [] },
        },
      ],
      processes: [],
      testUsers: undefined,
      ports: {},
    },
  })
})

test('the file of the example is accepted', () => {
  expect(readLocal(readFileSync('examples/shop/local.yaml', 'utf8'))).toHaveProperty('file')
})

describe('every problem is named with its place', () => {
  test.each([
    [
      'an unknown field names the nearest known one',
      `${small}  serviceAcount: web\n`,
      ['4:3 unknown field "serviceAcount"; did you mean "serviceAccount"?'],
    ],
    [
      'an unknown field that is near to none lists what is known',
      `${small}replicas: 3\n`,
      ['4:1 unknown field "replicas"; known are "workloads", "processes", "testUsers", "ports"'],
    ],
    ['a missing field', 'processes: []\n', ['1:1 "workloads" is missing']],
    ['an empty list', 'workloads: []\n', ['1:1 must be a list of 1 to 64 items']],
    ['a wrong type', `${small}  labels: [a]\n`, ['4:3 must be a map of texts']],
    [
      'a port that is none',
      `${small}  inbound: { port: 70000 }\n`,
      ['4:14 must be a port, 1 to 65535'],
    ],
    [
      'an app on another machine: what is sent there has been let through',
      'workloads:\n- { name: web, app: { address: "192.0.2.1:80" } }\n',
      ['2:23 must be an address of this machine, 127.0.0.1:PORT or [::1]:PORT'],
    ],
    [
      'an app that is nowhere',
      'workloads:\n- { name: web, app: {} }\n',
      ['2:16 needs "command", "address" or both: nothing says where the app is'],
    ],
    [
      'a workload that is there twice',
      `${small}- name: web\n  app: { address: 127.0.0.1:3001 }\n`,
      ['4:3 the name "web" is taken by workloads[0].name'],
    ],
    [
      'a port that is given twice',
      `${small}  inbound: { port: 3000 }\n`,
      ['3:10 port 3000 is taken by workloads[0].inbound.port'],
    ],
    [
      'two workloads that disagree on their Service',
      `${small}  service: { name: web }\n- name: canary\n  app: { address: 127.0.0.1:3001 }\n  service: { name: web, port: 81 }\n`,
      ['7:3 Service "web" has another port at workloads[0].service'],
    ],
    ['a text that is no YAML', 'workloads: [\n', [expect.stringMatching(/^2:1 /)]],
    ['an empty file', '', ['1:1 must be one document that lists "workloads"']],
    [
      'two problems at once',
      'workloads:\n- { name: WEB, app: { port: 1, address: "127.0.0.1:1" } }\n',
      [
        '2:5 must be a name: a-z, 0-9 and "-", at most 63 characters',
        '2:23 unknown field "port"; known are "address", "command", "env"',
      ],
    ],
  ])('%s', (_name, source, problems) => {
    expect(problemsOf(source)).toEqual(problems)
  })
})
