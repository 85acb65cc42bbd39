import { parseTemplate } from './path.ts'
import { matching, omitted, type Check, type Reader } from './problem.ts'
import type { CompiledOperation, Template } from './workload-policy.ts'

const methodName = matching(/^[A-Z][A-Z-]{0,31}$/, 'a method in upper case')

/** Of a rule: `scopes` are the rule's, which are also the default. Of `public`: none. */
export interface OperationPlace {
  readonly field: string
  readonly scopes?: readonly string[]
}

/** One row of `operations` or `public`, with its defaults filled in. */
export function readOperation(
  reader: Reader,
  value: unknown,
  place: OperationPlace,
): CompiledOperation | undefined {
  const { field } = place
  const isPublic = place.scopes === undefined
  const row = reader.object(value, field, ['methods', 'paths', ...(isPublic ? [] : ['scopes'])])
  if (row === undefined) return undefined
  const methods = optionalTexts(reader, row['methods'], `${field}.methods`, methodName)
  const given = row['paths']
  if (isPublic && given === undefined) reader.report(`${field}.paths`, 'is missing')
  const paths = optionalTexts(
    reader,
    given,
    `${field}.paths`,
    (text) => parseTemplate(text).problem,
  )
  const within = place.scopes ?? []
  const scopes = reader.texts(omitted(row['scopes'], within), `${field}.scopes`, {
    max: 32,
    check: (scope) =>
      within.includes(scope) ? undefined : `"${scope}" is not among the scopes of the rule`,
  })
  return {
    ...(methods === undefined ? {} : { methods }),
    ...(paths === undefined ? {} : { paths: paths.flatMap(templates) }),
    scopes: [...new Set(scopes)].sort(),
  }
}

function templates(text: string): { text: string; segments: Template }[] {
  const template = parseTemplate(text)
  return template.problem === undefined ? [template] : []
}

/** Omitted means every one; an empty list would mean none, so it is a mistake. */
function optionalTexts(
  reader: Reader,
  value: unknown,
  field: string,
  check: Check,
): string[] | undefined {
  if (value === undefined) return undefined
  return reader.texts(value, field, { min: 1, max: 32, check }) ?? []
}
