type Facts = Readonly<Record<string, unknown>>

/**
 * What a line of a log has to say at a terminal: warnings and errors of our own processes, in words, the
 * place in a file first. Undefined for all else; what others print is for their log.
 */
export function warningOf(line: string): string | undefined {
  if (!line.startsWith('{') || !/"level":"(?:warn|error)"/.test(line)) return undefined
  let entry: Facts
  try {
    entry = JSON.parse(line) as Facts
  } catch {
    return undefined
  }
  const { msg, err, file, line: row, column, ...rest } = entry
  const cause = (err as Facts | undefined)?.['message']
  const place = row === undefined ? { file } : {}
  const words = Object.entries({ ...place, ...rest, cause })
    .filter(([name, value]) => !unsaid.includes(name) && value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .join(' ')
  const at = row === undefined ? '' : `${[file, row, column].map(textOf).join(':')}: `
  return `${at}${textOf(msg)}${words === '' ? '' : ` (${words})`}`
}

const unsaid = ['level', 'time', 'name']

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
