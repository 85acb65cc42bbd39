import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'

/** A file as it was found: `stamp` changes whenever the file may have. */
export interface FoundFile {
  readonly path: string
  readonly stamp: string
}

const readable = /\.(ya?ml|json)$/

/**
 * Every YAML and JSON file below a folder in the order of the paths, without what is hidden, packages
 * (`node_modules`), `local.yaml` at the top and anything below `except`. Rejects where the folder itself cannot be read.
 */
export async function listFiles(folder: string, except?: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = []
  const visit = async (directory: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const full = path.join(directory, entry.name)
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || full === except) continue
      if (entry.isDirectory()) {
        // One that went away since its name was read holds nothing.
        await visit(full).catch(ignoreMissing)
      } else if (readable.test(entry.name) && full !== path.join(folder, 'local.yaml')) {
        // `stat` follows links: a mounted ConfigMap is made of them.
        const facts = await stat(full, { bigint: true }).catch(ignoreMissing)
        if (facts?.isFile() !== true) continue
        found.push({
          path: full,
          stamp: `${facts.ino}:${facts.size}:${facts.mtimeNs}:${facts.ctimeNs}`,
        })
      }
    }
  }
  await visit(folder)
  return found.sort((one, other) => (one.path < other.path ? -1 : 1))
}

function ignoreMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
}
