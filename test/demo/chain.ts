interface Act {
  readonly sub?: unknown
  readonly act?: Act
}

/** The subject, then who acted, oldest first (RFC 8693 4.1). */
export function chainOf(claims: Readonly<Record<string, unknown>>): string[] {
  const actors: string[] = []
  for (let act = claims['act'] as Act | undefined; act !== undefined; act = act.act) {
    actors.unshift(String(act.sub))
  }
  return [String(claims['sub']), ...actors]
}
