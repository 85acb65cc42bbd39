/** `discoveryAddress` -> `discovery-address`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `discoveryAddress` -> `TOKENWARD_DISCOVERY_ADDRESS`. */
export function variableOf(name: string): string {
  return `TOKENWARD_${flagOf(name).replaceAll('-', '_').toUpperCase()}`
}
