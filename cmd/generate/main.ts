/**
 * Writes what follows from crds/, the tables in pkg/ and the chart's values: types, schemas, reference
 * pages, templates. With `--check` writes nothing and exits 1 where a file differs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { crdTemplate } from './crd-templates.ts'
import { readCrds } from './crds.ts'
import { reasonsPage, resourcesPage, settingsPage, type Program } from './reference.ts'
import { schemasOf } from './schemas.ts'
import { typesOf } from './types.ts'
import { readValues, valuesSchema, withValuesTable } from './values.ts'

const chart = 'charts/tokenward'

const crds = readCrds('crds')
const values = readValues(readFileSync(`${chart}/values.yaml`, 'utf8'))
const files: Readonly<Record<string, string>> = {
  'pkg/api/types.ts': await formatted(typesOf(crds), 'typescript'),
  'pkg/api/schemas.ts': await formatted(schemasOf(crds), 'typescript'),
  'docs/reference/resources.md': resourcesPage(crds),
  'docs/reference/reasons.md': reasonsPage(),
  'docs/reference/settings.md': settingsPage(await programs()),
  [`${chart}/values.schema.json`]: await formatted(valuesSchema(values), 'json'),
  [`${chart}/README.md`]: withValuesTable(readFileSync(`${chart}/README.md`, 'utf8'), values),
  ...crdTemplates(),
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

function crdTemplates(): Record<string, string> {
  const names = readdirSync('crds').filter((name) => name.endsWith('.yaml'))
  const templates = names.map((name) => [
    `${chart}/templates/crds/${name}`,
    crdTemplate(name, readFileSync(`crds/${name}`, 'utf8')),
  ])
  return Object.fromEntries(templates) as Record<string, string>
}

async function formatted(text: string, parser: 'typescript' | 'json'): Promise<string> {
  const style = await resolveConfig('pkg/api/types.ts')
  return format(text, { ...style, parser })
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
