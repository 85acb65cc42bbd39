import { open } from 'node:fs/promises'

/** Of a file of resources; what reads YAML takes no more either. */
const maxBytes = 1024 * 1024

/** The text of a file, or what a message says of one that has none. */
export type TextReading = { readonly text: string } | { readonly problem: string }

/** Reads a file of resources, bounded. Rejects where it is gone. */
export async function readText(path: string): Promise<TextReading> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size > maxBytes) return { problem: 'is larger than 1 MiB' }
      const bytes = await file.readFile()
      if (bytes.includes(0)) return { problem: 'is no text: it holds NUL bytes' }
      return { text: bytes.toString('utf8') }
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw error
    return { problem: `cannot be read (${code})` }
  }
}
