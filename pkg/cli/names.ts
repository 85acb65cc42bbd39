import { InvalidArgumentError } from 'commander'

export interface NamespacedName {
  readonly namespace: string
  readonly name: string
}

const form = /^([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)\/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)$/

/** Reads `namespace/name` of an option. */
export function readName(text: string): NamespacedName {
  const [, namespace, name] = form.exec(text) ?? []
  if (namespace === undefined || name === undefined) {
    throw new InvalidArgumentError('It is written namespace/name.')
  }
  return { namespace, name }
}

/** Reads `namespace/service` or `namespace/service:port`. */
export function readTarget(text: string): NamespacedName & { readonly port?: string } {
  const [, service = '', port] = /^([^:]*)(?::(.+))?$/.exec(text) ?? []
  return { ...readName(service), ...(port === undefined ? {} : { port }) }
}

/** Reads a user as tokens show him: `issuer:user`, by the issuer's name. */
export function readSubject(text: string): { readonly issuer: string; readonly id: string } {
  const [, issuer, id] = /^([a-z0-9][-a-z0-9.]*):(.+)$/.exec(text) ?? []
  if (issuer === undefined || id === undefined) {
    throw new InvalidArgumentError('It is written issuer:user, as in corp:alice.')
  }
  return { issuer, id }
}
