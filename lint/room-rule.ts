import path from 'node:path'

import { rooms } from './rooms.ts'

interface Context {
  readonly filename: string
  readonly cwd: string
  report(problem: { node: Declaration; message: string }): void
}

/** What the rule reads of an import, an export from elsewhere or a dynamic import. */
interface Declaration {
  readonly source: { readonly value?: unknown } | null
  readonly importKind?: string
  readonly exportKind?: string
}

/** Where a file lives: its top folder and, below `pkg`, its room. */
function place(file: string): { top: string; room?: string; rest: string } {
  const [top = '', room = '', ...rest] = file.split('/')
  return top === 'pkg'
    ? { top, room, rest: rest.join('/') }
    : { top, rest: [room, ...rest].join('/') }
}

/** Says what is wrong with an import, or nothing. `file` and `target` are relative to the repository. */
export function judgeImport(file: string, target: string, typeOnly: boolean): string | undefined {
  const from = place(file)
  if (from.top !== 'pkg' || from.room === undefined) return undefined
  const row = rooms[from.room]
  if (row === undefined) return `room "${from.room}" has no row in lint/rooms.ts`
  const isTest = /\.(test|fuzz)\.ts$/.test(file)
  if (!/^(pkg|cmd|test|lint|examples)\//.test(target)) {
    return judgePackage(from.room, target, isTest)
  }
  const to = place(target)
  if (to.top === 'test' && isTest) return undefined
  if (to.top !== 'pkg' || to.room === undefined) return `a room may not import from "${to.top}"`
  if (to.room === from.room) return undefined
  if (!row.imports.includes(to.room)) {
    if (typeOnly && row.types?.includes(to.room)) return undefined
    if (isTest && row.types?.includes(to.room)) return undefined
    return `room "${from.room}" may not import room "${to.room}" (lint/rooms.ts)`
  }
  const only = row.only?.[to.room]
  const piece = to.rest.replace(/\.ts$/, '')
  if (only !== undefined && !isTest && !only.includes(piece)) {
    return `room "${from.room}" may import only ${only.join(', ')} of room "${to.room}"`
  }
  if (
    to.room === 'pki' &&
    piece === 'issue' &&
    !['controller', 'local', 'cli'].includes(from.room)
  ) {
    return 'pki/issue is for controller, local and cli alone'
  }
  return undefined
}

function judgePackage(room: string, specifier: string, isTest: boolean): string | undefined {
  if (specifier.startsWith('node:')) {
    const builtins = rooms[room]?.pure?.builtins
    if (builtins !== undefined && !isTest && !builtins.includes(specifier)) {
      return `room "${room}" is pure and may not import ${specifier}`
    }
    return undefined
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const owner = Object.keys(rooms).find((key) => rooms[key]?.owns?.includes(name))
  if (
    owner === room ||
    (isTest && ['vitest', 'fast-check', ...(owner ? [name] : [])].includes(name))
  ) {
    return undefined
  }
  return owner === undefined
    ? `package "${name}" has no owning room in lint/rooms.ts`
    : `package "${name}" belongs to room "${owner}"`
}

/** The ESLint rule: judges each static and dynamic import by the room table. */
export const roomRule = {
  meta: { type: 'problem' as const, schema: [] },
  create(context: Context): Record<string, (node: never) => void> {
    const file = path.relative(context.cwd, context.filename).split(path.sep).join('/')
    const check = (node: Declaration): void => {
      if (typeof node.source?.value !== 'string') return
      const specifier = node.source.value
      const target = specifier.startsWith('.')
        ? path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier))
        : specifier
      const kind = node.importKind ?? node.exportKind ?? 'value'
      const message = judgeImport(file, target, kind === 'type')
      if (message !== undefined) context.report({ node, message })
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    }
  },
}
