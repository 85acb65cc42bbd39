/** A quantity of CPU or memory, with the text that the API server would write for it. */
export interface Quantity {
  readonly text: string
  /** Thousandths of a core, or bytes. */
  readonly amount: number
}

const binary = [
  ['Gi', 2 ** 30],
  ['Mi', 2 ** 20],
  ['Ki', 2 ** 10],
] as const
const decimal = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
] as const

/** `500m`, `2` or `0.5`; from a thousandth to 1000 cores. Undefined for anything else. */
export function parseCpu(text: string): Quantity | undefined {
  const match = /^(?:(\d{1,7})m|(\d{1,4})(?:\.(\d{1,3}))?)$/.exec(text)
  if (match === null) return undefined
  const [, millis, cores = '0', fraction = ''] = match
  const amount =
    millis === undefined ? Number(cores) * 1000 + Number(fraction.padEnd(3, '0')) : Number(millis)
  if (amount < 1 || amount > 1_000_000) return undefined
  return { amount, text: amount % 1000 === 0 ? String(amount / 1000) : `${amount}m` }
}

/** `64Mi`, `128M` or bytes; from 1 KiB to 1 TiB. Undefined for anything else. */
export function parseMemory(text: string): Quantity | undefined {
  const match = /^(\d{1,13})(Ki|Mi|Gi|k|M|G)?$/.exec(text)
  if (match === null) return undefined
  const [, digits, suffix = ''] = match
  const factor = [...binary, ...decimal].find(([name]) => name === suffix)?.[1] ?? 1
  const amount = Number(digits) * factor
  if (amount < 1024 || amount > 2 ** 40) return undefined
  const units = suffix.endsWith('i') ? binary : decimal
  const unit = units.find(([, size]) => amount % size === 0)
  return { amount, text: unit === undefined ? String(amount) : `${amount / unit[1]}${unit[0]}` }
}
