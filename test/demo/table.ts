import { styleText } from 'node:util'
import type { Outcome, Row } from './rows.ts'

/** 120 characters at most, with the mark in front. */
const widths = [48, 7, 12, 11, 11] as const

export function style(how: Parameters<typeof styleText>[0], text: string): string {
  return styleText(how, text, { stream: process.stdout })
}

export function head(): string {
  return style('bold', `  ${cells(['CALL', 'WHO', 'ON BEHALF OF', 'EXPECTED', 'GOT', 'REASON'])}`)
}

/** Runs one row and prints it; says whether it came out as expected. */
export async function show(row: Row): Promise<boolean> {
  const { call, who, user, expected } = row
  let got: Outcome
  try {
    got = await row.run()
  } catch (error) {
    got = { status: 0, reason: error instanceof Error ? error.message : String(error) }
  }
  const same = got.status === expected.status && got.reason === expected.reason
  const why = [got.reason, got.note].filter(Boolean).join(' ')
  const text = cells([call, who, user, word(expected), word(got), why])
  if (same) {
    console.log(`${style(got.status < 400 ? 'green' : 'yellow', '●')} ${text}`)
  } else {
    console.log(style('red', `✗ ${text}\n  expected ${expected.status} ${expected.reason}`))
  }
  return same
}

function word({ status }: Outcome): string {
  return status === 0 ? 'failed' : `${status < 400 ? 'allowed' : 'refused'} ${status}`
}

function cells(texts: readonly string[]): string {
  return texts
    .map((text, column) => text.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd()
}
