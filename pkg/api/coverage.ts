import { textsOf, type Loose } from './loose.ts'

/** A template cut at its slashes: `{x}` is null, `**` ends it. */
type Segments = readonly (string | null)[]

/** The grammar of path templates, which belongs to room policy (`policy/path`). */
export type ParseTemplate = (
  text: string,
) => { readonly problem: string } | { readonly segments: Segments; readonly problem?: undefined }

/** Whether one operation covers every method and path of another. */
export function createCoverage(parse: ParseTemplate): (wide: Loose, narrow: Loose) => boolean {
  const segmentsOf = (value: unknown): (Segments | undefined)[] =>
    textsOf(value).map(([, text]) => {
      const template = parse(text)
      return template.problem === undefined ? template.segments : undefined
    })
  return (wide, narrow) => {
    if (wide['methods'] !== undefined) {
      if (narrow['methods'] === undefined) return false
      const methods = new Set(textsOf(wide['methods']).map(([, method]) => method))
      if (!textsOf(narrow['methods']).every(([, method]) => methods.has(method))) return false
    }
    if (wide['paths'] === undefined) return true
    if (narrow['paths'] === undefined) return false
    const templates = segmentsOf(wide['paths'])
    return segmentsOf(narrow['paths']).every(
      (one) =>
        one !== undefined && templates.some((other) => other !== undefined && covers(other, one)),
    )
  }
}

/** `**` is zero or more segments after its slash; `{x}` is one that is not empty. */
function covers(wide: Segments, narrow: Segments): boolean {
  for (const [index, segment] of wide.entries()) {
    const other = narrow[index]
    if (other === undefined) return false
    if (segment === '**') return true
    if (segment === null ? other === '**' || other === '' : segment !== other) return false
  }
  return wide.length === narrow.length
}
