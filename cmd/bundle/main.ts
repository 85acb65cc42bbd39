/**
 * Makes dist/: one file per process. Node strips no types below node_modules, so what is installed or
 * shipped is bundles; development runs from source.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const builders = ['bundle', 'generate', 'image']
// Packages of CommonJS call require(); a bundle is an ES module and must make one.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
}

const names = readdirSync('cmd').filter(
  (name) => !builders.includes(name) && existsSync(`cmd/${name}/main.ts`),
)
mkdirSync('dist', { recursive: true })
for (const name of names) {
  const result = await build({
    entryPoints: [`cmd/${name}/main.ts`],
    outfile: `dist/${name}.mjs`,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24.7',
    minifySyntax: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    banner,
  })
  writeFileSync(`dist/${name}.inputs.json`, JSON.stringify(Object.keys(result.metafile.inputs)))
  const bytes = Object.values(result.metafile.outputs)[0]?.bytes ?? 0
  console.log(`dist/${name}.mjs  ${(bytes / 1024).toFixed(0)} KiB`)
}
