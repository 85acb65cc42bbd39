/**
 * Writes what follows from crds/ and the tables in pkg/: types, schemas, reference pages. With
 * `--check` writes nothing and exits 1 where a file differs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { readCrds } from './crds.ts'
import { reasonsPage, resourcesPage, settingsPage, type Program } from './reference.ts'
import { schemasOf } from './schemas.ts'
import { typesOf } from './types.ts'

const crds = readCrds('crds')
const files = {
  'pkg/api/types.ts': await typescript(typesOf(crds)),
  'pkg/api/schemas.ts': await typescript(schemasOf(crds)),
  'docs/reference/resources.md': resourcesPage(crds),
  'docs/reference/reasons.md': reasonsPage(),
  'docs/reference/settings.md': settingsPage(await programs()),
}

const stale = Object.entries(files).filter(
  ([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text,
)
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.error(`${path} is not up to date: run make generate`)
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  for (const [path, text] of stale) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    console.log(`wrote ${path}`)
  }
}

async function typescript(text: string): Promise<string> {
  const style = await resolveConfig('pkg/api/types.ts')
  return format(text, { ...style, parser: 'typescript' })
}

async function programs(): Promise<Program[]> {
  const paths = readdirSync('cmd')
    .sort()
    .map((name) => `cmd/${name}/settings.ts`)
  const modules = paths.filter(existsSync).map(async (path) => {
    const module = (await import(`../../${path}`)) as { readonly definition: Program }
    return module.definition
  })
  return Promise.all(modules)
}
