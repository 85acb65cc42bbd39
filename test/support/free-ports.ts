import { choosePorts } from '../../pkg/local/ports.ts'

/** As many ports of 127.0.0.1 as names, all free now. */
export function freePorts<N extends string>(names: readonly N[]): Promise<Record<N, number>> {
  return choosePorts(
    names.map((name) => ({ key: name, what: name })),
    {},
    Math.random,
  )
}
