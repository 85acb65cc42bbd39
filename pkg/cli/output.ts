import { stripVTControlCharacters } from 'node:util'
import { Option } from 'commander'
import { formatYaml } from '../config/format-yaml.ts'
import type { Terminal } from './terminal.ts'

export type OutputFormat = 'table' | 'json' | 'yaml'

/** The option `-o`, the same for every command. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print the answer')
    .choices(['table', 'json', 'yaml'])
    .default('table')
}

/** Prints a value for programs, or its table for people. */
export function print(
  terminal: Terminal,
  format: OutputFormat,
  answer: { readonly value: unknown; readonly table: () => string },
): void {
  const { value, table } = answer
  const text =
    format === 'table'
      ? table()
      : format === 'json'
        ? JSON.stringify(value, undefined, 2)
        : formatYaml(value).trimEnd()
  terminal.out.write(`${text}\n`)
}

/** Columns as wide as what stands in them; colours do not count. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widthOf = (cell: string): number => stripVTControlCharacters(cell).length
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
