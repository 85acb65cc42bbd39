import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'

/** The ports that examples/shop names. */
const fixed = ['7080', '7081', '7082', '7083', '7180', '7181', '7182', '7183', '7090'] as const

/** What a text that names ports of the shop says of a copy. */
export type OnOwnPorts = (text: string) => string

/** Copies examples/shop with ports of its own, so that several can run beside each other. */
export async function copyShop(folder: string): Promise<OnOwnPorts> {
  const ports: Record<string, number> = await freePorts(fixed)
  const onOwnPorts: OnOwnPorts = (text) =>
    text.replaceAll(/\b7[01]\d\d\b/g, (port) => String(ports[port] ?? port))
  cpSync(join(import.meta.dirname, '../../examples/shop'), folder, { recursive: true })
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.yaml'))) {
    const file = join(folder, name)
    writeFileSync(file, onOwnPorts(readFileSync(file, 'utf8')))
  }
  return onOwnPorts
}
