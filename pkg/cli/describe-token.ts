import type { Writable } from 'node:stream'
import { formatTable } from './output.ts'
import { paint } from './terminal.ts'

type Claims = Readonly<Record<string, unknown>>

/** Claims in the order in which a reader asks for them, times in words, the chain of actors last. */
export function describeToken(claims: Claims, out: Writable): string {
  const first = ['iss', 'sub', 'aud', 'client_id', 'scope', 'rule', 'iat', 'exp']
  const names = [
    ...first.filter((name) => name in claims),
    ...Object.keys(claims).filter((name) => !first.includes(name) && name !== 'act'),
  ]
  const table = formatTable(
    [paint('bold', 'claim', out), paint('bold', 'value', out)],
    names.map((name) => [name, valueOf(name, claims[name])]),
  )
  return [table, ...chainLines(claims)].join('\n')
}

function valueOf(name: string, value: unknown): string {
  if (['iat', 'exp', 'nbf', 'auth_time'].includes(name) && typeof value === 'number') {
    return `${value}  ${new Date(value * 1000).toISOString()}`
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** `sub` first, then who acted, oldest first: the way that the call took (RFC 8693 4.1). */
function chainLines(claims: Claims): string[] {
  const actors = actorsOf(claims)
  if (actors.length === 0) return []
  return [
    '',
    `on behalf of ${String(claims['sub'])}`,
    ...actors
      .reverse()
      .map(
        (actor, depth) =>
          `${'  '.repeat(depth + 1)}acted ${actor}${depth === actors.length - 1 ? '  (now)' : ''}`,
      ),
  ]
}

/** Identities of the actors, newest first. */
function actorsOf(claims: Claims): string[] {
  const actors: string[] = []
  let act = claims['act'] as { readonly sub?: unknown; readonly act?: unknown } | undefined
  while (typeof act === 'object' && act !== null && actors.length < 32) {
    actors.push(String(act.sub))
    act = act.act as typeof act
  }
  return actors
}
