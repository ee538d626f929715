/** The part of JSON Schema that zod writes and the types below need. */
export interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  /** Several for what may be null. */
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly description?: string
}

/** A TypeScript module with the types of the schemas. */
export function apiTypes(schemas: Readonly<Record<string, JsonSchema>>): string {
  return `// Generated from the app's schemas by \`npm run openapi\`.

/** The bodies of the API. */
export interface Schemas ${typeOf({ type: 'object', properties: schemas, required: Object.keys(schemas) })}
`
}

function typeOf(schema: JsonSchema, indent = ''): string {
  const { $ref, type, enum: values, anyOf, items, properties, required = [] } = schema
  if ($ref !== undefined) return `Schemas['${$ref.split('/').at(-1)}']`
  if (schema.const !== undefined) return literal(schema.const)
  if (values !== undefined) return values.map(literal).join(' | ')
  if (anyOf !== undefined) return anyOf.map((each) => typeOf(each, indent)).join(' | ')
  if (typeof type === 'object') return type.map((each) => typeOf({ ...schema, type: each }, indent)).join(' | ')
  if (type === 'array') {
    const item = typeOf(items ?? {}, indent)
    return item.includes('|') ? `readonly (${item})[]` : `readonly ${item}[]`
  }
  if (type === 'integer') return 'number'
  if (type !== 'object') return type ?? 'unknown'
  const members = Object.entries(properties ?? {}).map(([name, property]) => {
    const comment = property.description === undefined ? '' : `${indent}  /** ${property.description} */\n`
    const optional = required.includes(name) ? '' : '?'
    return `${comment}${indent}  readonly ${name}${optional}: ${typeOf(property, `${indent}  `)}\n`
  })
  return `{\n${members.join('')}${indent}}`
}

const literal = (value: unknown) => (typeof value === 'string' ? `'${value}'` : String(value))
