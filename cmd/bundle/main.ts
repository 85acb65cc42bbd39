/**
 * Makes dist/: one file per process. Node strips no types below node_modules, so what is installed or
 * shipped is bundles; development runs from source.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { build } from 'esbuild'

const builders = ['bundle', 'generate', 'image']
// Packages of CommonJS call require(); a bundle is an ES module and must make one.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
}

// Its package for this platform loads a native module from beside itself: from dist/ then.
const native = `@koromix/koffi-${process.platform}-${process.arch}`

/** Puts the native modules of a package at their places in dist/. */
function copyNative(name: string): void {
  const folder = dirname(createRequire(import.meta.url).resolve(name))
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    cpSync(`${folder}/${entry.name}`, `dist/${entry.name}`, { recursive: true })
  }
}

const names = readdirSync('cmd').filter(
  (name) => !builders.includes(name) && existsSync(`cmd/${name}/main.ts`),
)
mkdirSync('dist', { recursive: true })
copyNative(native)
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
    alias: { koffi: native },
  })
  writeFileSync(`dist/${name}.inputs.json`, JSON.stringify(Object.keys(result.metafile.inputs)))
  const bytes = Object.values(result.metafile.outputs)[0]?.bytes ?? 0
  console.log(`dist/${name}.mjs  ${(bytes / 1024).toFixed(0)} KiB`)
}
