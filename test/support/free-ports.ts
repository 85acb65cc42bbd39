import { choosePorts } from '../../pkg/local/ports.ts'

/** As many ports of 127.0.0.1 as names, all free now and claimed while this process runs. */
export async function freePorts<N extends string>(
  names: readonly N[],
): Promise<Readonly<Record<N, number>>> {
  const wishes = names.map((name) => ({ key: name, what: name }))
  const { ports } = await choosePorts(wishes, {}, Math.random)
  return ports
}
