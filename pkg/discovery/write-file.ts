import { open, rename, unlink } from 'node:fs/promises'

/**
 * Replaces a file as one step that survives a crash: whoever reads it finds the old text or the new,
 * whole. Readable by its owner only. Rejects with the system's error, the old text then still there.
 * One writer per path at a time.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.chmod(0o600)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
}
