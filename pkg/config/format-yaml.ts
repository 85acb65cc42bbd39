import { stringify } from 'yaml'

/** Writes a plain value as one YAML document that ends in a newline. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
}
