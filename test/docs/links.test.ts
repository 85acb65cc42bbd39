import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const skipped = ['node_modules', '.git', '.cache', '.state', 'dist']

/** Every Markdown page of the repository. */
function pagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.includes(entry.name)) return []
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) return pagesIn(name)
    return name.endsWith('.md') ? [name] : []
  })
}

/** As a host of repositories makes the anchor of a heading. */
function anchorsIn(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

interface Link {
  readonly page: string
  readonly target: string
}

const links: Link[] = pagesIn('.').flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => ({ page, target }))
    .filter(({ target }) => !/^[a-z]+:/.test(target)),
)

test('pages have links', () => {
  expect(links.length).toBeGreaterThan(10)
})

test.each(links)('$page leads to $target', ({ page, target }) => {
  const [file = '', anchor] = target.split('#')
  const found = file === '' ? page : path.join(path.dirname(page), file)
  expect(existsSync(found)).toBe(true)
  if (anchor !== undefined) expect(anchorsIn(found)).toContain(anchor)
})

/** Files that prose and tables name as code, with their folder. */
const named: Link[] = pagesIn('.')
  .filter((page) => !page.includes('performance'))
  .flatMap((page) =>
    [
      ...readFileSync(page, 'utf8').matchAll(
        /`((?:docs|pkg|lint|cmd|test|crds|examples)\/[\w./-]+)`/g,
      ),
    ].map(([, target = '']) => ({ page, target })),
  )

test.each(named)('what $page names is there: $target', ({ target }) => {
  expect(existsSync(target)).toBe(true)
})
