/**
 * `reverse`: a server for an application; `forward-proxy`: absolute-form is the normal case, and what else a proxy
 * can be asked for (CONNECT, https URLs) is 501 and not malformed.
 */
export type Mode = 'reverse' | 'forward-proxy'

/** How a body is framed: none at all, chunked, or so many bytes (0 when that was said). */
export type RequestBody = 'none' | 'chunked' | number

/**
 * A request head that has exactly one reading (RFC 9112). Hop-by-hop fields, framing, `Expect` and `Host`
 * are taken out of `fields` by the parser and are written again from this form.
 */
export interface RequestHead {
  readonly method: string
  /** As received, percent-encoding untouched, no query; `*` for `OPTIONS *`. */
  readonly path: string
  /** `''` or `?…` */
  readonly query: string
  /** `host[:port]`, lower-case; `''` for HTTP/1.0 without Host. */
  readonly authority: string
  /** The target came in absolute-form. */
  readonly absolute: boolean
  readonly minor: 0 | 1
  /** End-to-end fields: name, value, name, value, … in order, names as they came. */
  readonly fields: readonly string[]
  /**
   * Lower-case names that `Connection` lists. They are in `fields` for the decision to see; the engine takes
   * them out of what is forwarded, but never out of `ForwardVerdict.added`.
   */
  readonly listed: readonly string[]
  readonly body: RequestBody
  readonly expectContinue: boolean
  /** The client wants to go on with this connection. */
  readonly keepAlive: boolean
  /**
   * The client offered an upgrade, which is not taken: what it sent before its answer may be of the other
   * protocol and is not read as a request.
   */
  readonly upgrade: boolean
  /** The client sent `TE: trailers`. */
  readonly trailers: boolean
}
