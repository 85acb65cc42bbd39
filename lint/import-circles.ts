import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Which file imports which; types count as well. */
export type Imports = ReadonlyMap<string, readonly string[]>

const fromPlace = /\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g

/** The relative imports of all TypeScript files below a folder, by path. */
export function readImports(folder: string): Imports {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name))
  return new Map(
    files.map((file) => {
      const places = readFileSync(file, 'utf8').matchAll(fromPlace)
      return [file, [...places].map(([, place = '']) => path.join(path.dirname(file), place))]
    }),
  )
}

/** The circles among imports, each as the files that one walks through; none is empty. */
export function findCircles(imports: Imports): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file)
    if (start >= 0) circles.push(way.slice(start))
    if (start >= 0 || done.has(file)) return
    for (const next of imports.get(file) ?? []) visit(next, [...way, file])
    done.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
  return circles
}
