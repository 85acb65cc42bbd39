import { printable } from '../config/printable.ts'
import type { FieldPath } from '../config/yaml.ts'

/** What is wrong with one field, before it is known where it stands. */
export interface Finding {
  readonly path: FieldPath
  /** The rest of a sentence that begins with the path. */
  readonly message: string
  /** The known name that was most likely meant. */
  readonly nearest?: string
}

/** What is wrong, and where; `line` and `column` count from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Such as `spec.rules[0].from[1].serviceAcount`; empty where a whole file or document is meant. */
  readonly path: string
  readonly message: string
  readonly nearest?: string
}

/** One line: `policies.yaml:12:7: spec.rules[0].nam is not a known field; did you mean name?` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, nearest } = problem
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path} `}${message}${hint}`
}

/** `['spec', 'rules', 0]` -> `spec.rules[0]`. A name that is not plain is quoted. */
export function pathText(path: FieldPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[A-Za-z_][\w-]*$/.test(step))
      text += `[${printable(JSON.stringify(step.slice(0, 64)))}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** `spec.rules[0]` -> `['spec', 'rules', 0]`: the inverse of `pathText`. */
export function pathSteps(text: string): FieldPath {
  const steps: (string | number)[] = []
  for (const [, index, quoted, name] of text.matchAll(
    /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g,
  )) {
    if (index !== undefined) steps.push(Number(index))
    else steps.push(quoted === undefined ? (name ?? '') : (JSON.parse(quoted) as string))
  }
  return steps
}
