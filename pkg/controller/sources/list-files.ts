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
      if (isLeftOut(entry.name) || full === except) continue
      if (entry.isDirectory()) {
        // One that went away since its name was read holds nothing.
        await visit(full).catch(ignoreMissing)
      } else if (readable.test(entry.name) && full !== path.join(folder, 'local.yaml')) {
        // `stat` follows links: a mounted ConfigMap is made of them.
        const facts = await stat(full, { bigint: true }).catch(codeUnlessMissing)
        if (typeof facts === 'string') found.push({ path: full, stamp: facts })
        if (typeof facts !== 'object' || !facts.isFile()) continue
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

/** A folder and every one below it that `listFiles` looks into; without those that cannot be read. */
export async function listFolders(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return []
  const below = entries
    .filter((entry) => entry.isDirectory() && !isLeftOut(entry.name))
    .map((entry) => listFolders(path.join(folder, entry.name)))
  return [folder, ...(await Promise.all(below)).flat()]
}

/** What is hidden, and packages. */
function isLeftOut(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules'
}

/** Of a link that leads nowhere but to itself, say: whoever reads it is told the same. */
function codeUnlessMissing(error: unknown): string | undefined {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : code
}

function ignoreMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
}
