import type { Writable } from 'node:stream'
import { printable } from '../config/printable.ts'
import { formatTable } from './output.ts'
import { paint } from './terminal.ts'

type Claims = Readonly<Record<string, unknown>>

const first = ['iss', 'sub', 'aud', 'client_id', 'scope', 'rule', 'iat', 'exp']
const times = ['iat', 'exp', 'nbf', 'auth_time']

/**
 * Claims in the order in which a reader asks for them, times in words, the chain of actors last. Whoever
 * signed the token chose its text, which writes nothing on a terminal.
 */
export function describeToken(claims: Claims, out: Writable): string {
  const names = [
    ...first.filter((name) => name in claims),
    ...Object.keys(claims).filter((name) => !first.includes(name) && name !== 'act'),
  ]
  const rows = names.flatMap((name) =>
    linesOf(name, claims[name]).map((text, index) => [
      index === 0 ? printable(name) : '',
      printable(text),
    ]),
  )
  const heads = ['CLAIM', 'VALUE'].map((head) => paint('bold', head, out))
  return [formatTable(heads, rows), ...chainLines(claims)].join('\n')
}

function linesOf(name: string, value: unknown): string[] {
  if (times.includes(name) && typeof value === 'number') {
    const date = new Date(value * 1000)
    if (!Number.isNaN(date.getTime())) return [`${value}  ${date.toISOString()}`]
  }
  if (name === 'anc' && Array.isArray(value)) return value.map(ancestorLine)
  return [typeof value === 'string' ? value : JSON.stringify(value)]
}

/** A token from which this one was made: its id, and who held it under which rule. */
function ancestorLine(value: unknown): string {
  const { id, client, rule } = (value ?? {}) as Claims
  return `${String(id)}  of ${String(client)}${rule === '' ? '' : `, by ${String(rule)}`}`
}

interface Act {
  readonly sub?: unknown
  readonly act?: Act
}

/** `sub` first, then who acted, oldest first: the way that the call took (RFC 8693 4.1). */
function chainLines(claims: Claims): string[] {
  const actors: string[] = []
  for (let act = claims['act'] as Act | undefined; act !== undefined; act = act.act) {
    actors.unshift(printable(String(act.sub)))
  }
  if (actors.length === 0) return []
  const newest = actors.length - 1
  return [
    '',
    `on behalf of ${printable(String(claims['sub']))}`,
    ...actors.map(
      (actor, depth) =>
        `${'  '.repeat(depth + 1)}acted ${actor}${depth === newest ? '  (now)' : ''}`,
    ),
  ]
}
