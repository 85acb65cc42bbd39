import { readdirSync, readFileSync } from 'node:fs'
import { parseYaml } from '../../pkg/config/yaml.ts'

/** The part of a structural OpenAPI schema that crds/ uses. */
export interface Schema {
  readonly title?: string
  readonly description?: string
  readonly type: 'object' | 'array' | 'string' | 'integer'
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly string[]
  readonly default?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-validations'?: readonly {
    readonly rule: string
    readonly message: string
  }[]
}

export interface Crd {
  readonly group: string
  readonly scope: 'Namespaced' | 'Cluster'
  readonly names: { readonly kind: string; readonly shortNames: readonly string[] }
  readonly version: string
  readonly schema: Schema
}

interface CrdObject {
  readonly spec: Pick<Crd, 'group' | 'scope' | 'names'> & {
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: Schema }
    }[]
  }
}

/** Every CustomResourceDefinition of a folder, by file name; throws where a file is not one. */
export function readCrds(folder: string): Crd[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  return files.sort().map((name) => {
    const { documents, problems } = parseYaml(readFileSync(`${folder}/${name}`, 'utf8'))
    const [document] = documents
    if (document === undefined || problems.length > 0) {
      throw new Error(`${folder}/${name}: ${JSON.stringify(problems)}`)
    }
    const { spec } = document.value as CrdObject
    const [version] = spec.versions
    if (version === undefined) throw new Error(`${folder}/${name}: no version`)
    const { group, scope, names } = spec
    return { group, scope, names, version: version.name, schema: version.schema.openAPIV3Schema }
  })
}

/** A member of an object schema; throws where there is none. */
export function property(schema: Schema, name: string): Schema {
  const found = schema.properties?.[name]
  if (found === undefined) throw new Error(`the schema has no property ${name}`)
  return found
}
