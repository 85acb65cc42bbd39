/** An operation of a JSON Patch (RFC 6902); only what is needed for what we own. */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

export type Pointer = readonly (string | number)[]

/** A JSON Pointer (RFC 6901 3) to the steps of a path; `-` is the end of a list (RFC 6902 4.1). */
function pointer(steps: Pointer): string {
  return steps
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}

/** Collects operations in the order in which they are to be applied. */
export interface Patch {
  add(steps: Pointer, value: unknown): void
  replace(steps: Pointer, value: unknown): void
  remove(steps: Pointer): void
  /** Sets members of a map, which is made where it is not there; equal ones are left alone. */
  setMembers(steps: Pointer, current: unknown, members: Readonly<Record<string, string>>): void
  /** Appends to a list, which is made where it is not there or is empty. */
  append(steps: Pointer, current: unknown, items: readonly unknown[]): void
  readonly operations: readonly Operation[]
}

export function createPatch(): Patch {
  const operations: Operation[] = []
  const add = (steps: Pointer, value: unknown): void => {
    operations.push({ op: 'add', path: pointer(steps), value })
  }
  const replace = (steps: Pointer, value: unknown): void => {
    operations.push({ op: 'replace', path: pointer(steps), value })
  }
  return {
    operations,
    add,
    replace,
    remove: (steps) => operations.push({ op: 'remove', path: pointer(steps) }),
    setMembers(steps, current, members) {
      if (typeof current !== 'object' || current === null) {
        add(steps, members)
        return
      }
      for (const [name, value] of Object.entries(members)) {
        if (!Object.hasOwn(current, name)) add([...steps, name], value)
        else if ((current as Record<string, unknown>)[name] !== value) {
          replace([...steps, name], value)
        }
      }
    },
    append(steps, current, items) {
      if (items.length === 0) return
      if (!Array.isArray(current)) add(steps, items)
      else for (const item of items) add([...steps, '-'], item)
    },
  }
}
