/** A JSON schema as OpenAPI 3.1 has it: `true` for anything. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** Which side may send more than before: the client a request, or the service an answer. */
export type Direction = 'request' | 'answer'

/** A pair of schemas in two documents. */
export interface Comparison {
  /** Of the release before. */
  readonly before: JsonSchema | undefined
  readonly after: JsonSchema | undefined
  readonly direction: Direction
  /** Where the schema is, for the message. */
  readonly place: string
}

/** A place and what is wrong with it. */
export type Report = (place: string, problem: string) => void

/**
 * Reports each change of a schema that breaks a client of the release before. In a request, what was valid must be valid
 * still. In an answer, what is valid must have been valid before; further properties of an object are accepted.
 *
 * @param resolve replaces references: in the document of the release before, and in the present one.
 * @param visited references that are being compared already.
 */
export function createSchemaComparison(
  resolve: { readonly before: (schema: unknown) => unknown; readonly after: (schema: unknown) => unknown },
  report: Report,
  visited: ReadonlySet<string> = new Set(),
): (comparison: Comparison) => void {
  const compared = new Set(visited)

  function compare({ before = true, after = true, direction, place }: Comparison): void {
    if (before === true && after === true) return
    const [from, to] = [refOf(before), refOf(after)]
    if (from !== undefined || to !== undefined) {
      // Once for all places, which also ends recursion.
      const pair = `${direction} ${from ?? place} ${to ?? place}`
      if (compared.has(pair)) return
      compared.add(pair)
    }
    const where = from !== undefined && from === to ? from.replace('#/', '').replaceAll('/', '.') : place
    const [old, now] = [toObject(resolve.before(before)), toObject(resolve.after(after))]
    const alternatives = [alternativesOf(old), alternativesOf(now)] as const
    if (alternatives.some((each) => each !== undefined)) {
      compareAlternatives(alternatives[0] ?? [before], alternatives[1] ?? [after], direction, where)
      return
    }
    compareOne(old, now, direction, where)
  }

  function compareOne(old: Keywords, now: Keywords, direction: Direction, place: string): void {
    const [sent, accepted] = direction === 'request' ? [old, now] : [now, old]
    for (const problem of narrowings(sent, accepted)) {
      report(
        place,
        direction === 'request'
          ? `no longer accepts what it did: ${problem}`
          : `can have what it could not: ${problem}`,
      )
    }
    compareProperties(old, now, direction, place)
    compareParts(old, now, direction, place)
    compareFurther(old, now, direction, place)
  }

  /** The items of a list, and properties without a schema of their own. */
  function compareFurther(old: Keywords, now: Keywords, direction: Direction, place: string): void {
    compare({ before: schemaOf(old.items), after: schemaOf(now.items), direction, place: `${place}[]` })
    const [before, after] = [schemaOf(old.additionalProperties), schemaOf(now.additionalProperties)]
    if (before !== false && after !== false) compare({ before, after, direction, place: `${place}.*` })
    else if (direction === 'request' && before !== false) report(place, 'no longer accepts further properties')
  }

  function compareProperties(old: Keywords, now: Keywords, direction: Direction, place: string): void {
    const [before, after] = [propertiesOf(old), propertiesOf(now)]
    const [wasRequired, isRequired] = [new Set(requiredOf(old)), new Set(requiredOf(now))]
    for (const [name, schema] of Object.entries(before)) {
      const at = `${place}.${name}`
      if (after[name] === undefined) {
        report(at, 'is gone')
        continue
      }
      compare({ before: schema, after: after[name], direction, place: at })
      if (direction === 'answer' && wasRequired.has(name) && !isRequired.has(name)) report(at, 'may be missing now')
    }
    for (const name of isRequired.difference(wasRequired)) {
      if (direction === 'request') report(`${place}.${name}`, 'is required now')
    }
  }

  /** Lists of schemas that all hold, or hold for an item each. */
  function compareParts(old: Keywords, now: Keywords, direction: Direction, place: string): void {
    for (const keyword of ['allOf', 'prefixItems']) {
      const [before, after] = [schemasOf(old[keyword]), schemasOf(now[keyword])]
      for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
        compare({ before: before[index], after: after[index], direction, place: `${place}.${keyword}[${index}]` })
      }
    }
  }

  /** Each alternative that can be sent must be one that the other side accepts. */
  function compareAlternatives(
    old: readonly JsonSchema[],
    now: readonly JsonSchema[],
    direction: Direction,
    place: string,
  ): void {
    const sent = direction === 'request' ? old : now
    const accepted = direction === 'request' ? now : old
    for (const schema of sent) {
      const fits = accepted.some((other) => {
        let problems = 0
        const [before, after] = direction === 'request' ? [schema, other] : [other, schema]
        const count = () => {
          problems += 1
        }
        createSchemaComparison(resolve, count, compared)({ before, after, direction, place })
        return problems === 0
      })
      if (!fits) {
        const problem = direction === 'request' ? 'no longer accepts the alternative' : 'has the new alternative'
        report(place, `${problem} ${JSON.stringify(schema)}`)
      }
    }
  }

  return compare
}

type Keywords = { readonly [keyword: string]: unknown }

/** `false` accepts nothing. */
function toObject(schema: unknown): Keywords {
  if (schema === true) return {}
  return schema === false ? { enum: [] } : (schema as Keywords)
}

const refOf = (schema: JsonSchema): string | undefined =>
  typeof schema === 'object' && typeof schema.$ref === 'string' ? schema.$ref : undefined

function alternativesOf(schema: Keywords): readonly JsonSchema[] | undefined {
  const { anyOf, oneOf, type } = schema
  if (Array.isArray(type)) return type.map((each) => ({ ...schema, type: each }))
  return (anyOf ?? oneOf) as readonly JsonSchema[] | undefined
}

/** Without a schema, anything is valid. */
const schemaOf = (value: unknown) => (value ?? true) as JsonSchema
const schemasOf = (list: unknown) => (list ?? []) as readonly JsonSchema[]
const propertiesOf = ({ properties }: Keywords) => (properties ?? {}) as Readonly<Record<string, JsonSchema>>
const requiredOf = ({ required }: Keywords) => (required ?? []) as readonly string[]

/** Why some value of `sent` is none of `accepted`; properties and items apart. */
function narrowings(sent: Keywords, accepted: Keywords): string[] {
  return [...typeNarrowings(sent, accepted), ...boundNarrowings(sent, accepted), ...otherNarrowings(sent, accepted)]
}

function typeNarrowings(sent: Keywords, accepted: Keywords): string[] {
  const [values, allowed] = [valuesOf(sent), valuesOf(accepted)]
  if (values && allowed) {
    const others = values.filter((value) => !allowed.includes(value))
    return others.length === 0 ? [] : [`the value ${others.join(', ')}`]
  }
  if (allowed) return [`values other than ${allowed.join(', ')}`]
  const expected = accepted.type
  const types = sent.type === undefined && values ? values.map(typeOf) : [sent.type ?? 'any type']
  const others = types.filter((type) => type !== expected && !(type === 'integer' && expected === 'number'))
  return expected === undefined || others.length === 0 ? [] : [others.join(', ')]
}

/** The type of a value in JSON. */
function typeOf(json: string): string {
  const value: unknown = JSON.parse(json)
  if (Number.isInteger(value)) return 'integer'
  if (Array.isArray(value)) return 'array'
  return value === null ? 'null' : typeof value
}

/** The values that `enum` or `const` allows, as JSON. */
function valuesOf({ enum: values, const: value }: Keywords): readonly string[] | undefined {
  if (value !== undefined) return [JSON.stringify(value)]
  return Array.isArray(values) ? values.map((each) => JSON.stringify(each)) : undefined
}

const lower = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const
const upper = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const

function boundNarrowings(sent: Keywords, accepted: Keywords): string[] {
  // Values that are named one by one have no bounds.
  if (valuesOf(sent)) return []
  const beyond = (keywords: readonly string[], isBeyond: (value: number, bound: number) => boolean) =>
    keywords.flatMap((keyword) => {
      const bound = accepted[keyword] as number | undefined
      const value = (sent[keyword] ?? (/^min[A-Z]/.test(keyword) ? 0 : undefined)) as number | undefined
      if (bound === undefined || (value !== undefined && !isBeyond(value, bound))) return []
      return [`beyond the ${keyword} ${bound}`]
    })
  return [...beyond(lower, (value, bound) => value < bound), ...beyond(upper, (value, bound) => value > bound)]
}

/** What does not change which values are valid, and what is compared elsewhere. */
const knownKeywords = new Set([
  ...'$comment $id $ref $schema default deprecated description example examples readOnly title writeOnly'.split(' '),
  ...'additionalProperties allOf anyOf const enum items oneOf prefixItems properties required type'.split(' '),
  ...lower,
  ...upper,
])

/** A keyword that only says more than before is one of the accepting side: the pattern of a text, for instance. */
function otherNarrowings(sent: Keywords, accepted: Keywords): string[] {
  return Object.entries(accepted)
    .filter(
      ([keyword, value]) => !knownKeywords.has(keyword) && JSON.stringify(sent[keyword]) !== JSON.stringify(value),
    )
    .map(([keyword, value]) => `${keyword} ${JSON.stringify(value)}`)
}
