/** The values of an `aud` claim (RFC 7519 4.1.3), at least one, none empty; else undefined. */
export function audiencesOf(aud: unknown): string[] | undefined {
  const values: unknown[] = Array.isArray(aud) ? aud : [aud]
  return values.length > 0 && values.every((value) => typeof value === 'string' && value !== '')
    ? (values as string[])
    : undefined
}
