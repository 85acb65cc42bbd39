/** An answer of ours, whole. */
export interface Answer {
  readonly status: number
  /** Flat: name, value, …; without those of framing and connection. Names and values are ASCII of ours. */
  readonly fields: readonly string[]
  readonly body: string
}

const words: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
}

/**
 * The answer as it goes out (RFC 9112 4), head and body in one text, so that it is one write and one TLS
 * record. `date`: of now (RFC 9110 5.6.7); `connection`: what is said of it, as lines.
 */
export function renderAnswer(
  { status, fields, body }: Answer,
  options: { readonly date: string; readonly connection: string; readonly headOnly: boolean },
): string {
  let text = `HTTP/1.1 ${status} ${words[status] ?? ''}\r\nDate: ${options.date}\r\n`
  for (let at = 0; at + 1 < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
  text += `Content-Length: ${Buffer.byteLength(body)}\r\n${options.connection}\r\n`
  return options.headOnly ? `${text}\r\n` : `${text}\r\n${body}`
}
