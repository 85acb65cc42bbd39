/** The program `redirect` against both back ends of a real kernel. */
import { equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { runChecks, type Check } from './checks.ts'
import { program, runRedirect } from './pod.ts'

const tables = ['iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy']
const shown = (table: string): string =>
  program(`${table}-save`, '-t', 'nat')
    .split('\n')
    .filter((line) => line.startsWith('-A'))
    .join('\n')

function empty(): void {
  for (const table of tables) {
    program(table, '-t', 'nat', '-F')
    program(table, '-t', 'nat', '-X')
  }
}

/** As a container: root with these capabilities and no other. */
function runWith(capabilities: string): { status: number | null; stderr: string } {
  return spawnSync(
    'setpriv',
    [
      `--bounding-set=-all${capabilities}`,
      `--inh-caps=-all${capabilities}`,
      process.execPath,
      'dist/redirect.mjs',
    ],
    { encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
  )
}

const checks: Check[] = [
  {
    name: 'where nobody has rules, nft has ours, and a second run changes nothing',
    run: () => {
      empty()
      equal(runRedirect().status, 0)
      const first = shown('iptables-nft')
      match(first, /-A TOKENWARD_IN -p tcp -j REDIRECT --to-ports 15401/)
      equal(shown('iptables-legacy'), '')
      equal(runRedirect().status, 0)
      equal(shown('iptables-nft'), first)
    },
  },
  {
    name: 'another set of exclusions takes the place of the first',
    run: () => {
      equal(
        runRedirect(['--exclude-inbound-ports=22', '--exclude-outbound-cidrs=10.0.0.0/8']).status,
        0,
      )
      match(shown('iptables-nft'), /--dport 22 -j RETURN/)
      match(shown('iptables-nft'), /-d 10\.0\.0\.0\/8 ! -o lo -j RETURN/)
      equal(runRedirect().status, 0)
      equal(shown('iptables-nft').includes('--dport 22 '), false)
    },
  },
  {
    name: 'where others use legacy, ours are there, and theirs stay',
    run: () => {
      empty()
      for (const table of ['iptables-legacy', 'ip6tables-legacy']) {
        program(table, '-t', 'nat', '-A', 'OUTPUT', '-p', 'udp', '-j', 'ACCEPT')
      }
      equal(runRedirect().status, 0)
      for (const table of ['iptables-legacy', 'ip6tables-legacy']) {
        match(shown(table), /-A OUTPUT -p tcp -j TOKENWARD_OUT\n-A OUTPUT -p udp -j ACCEPT/)
      }
      equal(shown('iptables-nft'), '')
      equal(runRedirect().status, 0)
      equal(shown('iptables-legacy').match(/-A OUTPUT -p tcp -j TOKENWARD_OUT/g)?.length, 1)
    },
  },
  {
    name: 'a rule of another that came before ours is put behind it',
    run: () => {
      empty()
      equal(runRedirect().status, 0)
      program('iptables-nft', '-t', 'nat', '-I', 'OUTPUT', '1', '-p', 'tcp', '-j', 'ACCEPT')
      equal(runRedirect().status, 0)
      match(shown('iptables-nft'), /-A OUTPUT -p tcp -j TOKENWARD_OUT\n-A OUTPUT -p tcp -j ACCEPT/)
    },
  },
  {
    name: 'NET_ADMIN and NET_RAW are enough',
    run: () => {
      empty()
      const { status, stderr } = runWith(',+net_admin,+net_raw')
      equal(status, 0, stderr)
    },
  },
  {
    name: 'without NET_ADMIN it ends with one line that says so',
    run: () => {
      empty()
      const { status, stderr } = runWith('')
      equal(status, 77, stderr)
      match(stderr, /^redirect: IPv4: the rules may not be changed; run it as root with.*\n$/)
    },
  },
]

await runChecks(checks, empty)
