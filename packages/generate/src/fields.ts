import { pluralOf } from '@repo/drills/plural.ts'
import { CliError } from '@repo/ops/cli.ts'
import { checkLimits } from './limits.ts'
import { columnOf, snakeCase } from './names.ts'

/** The type of a field, as it is written on the command line. */
export type FieldType =
  | { readonly kind: 'string'; readonly length: number }
  | { readonly kind: 'text' | 'int' | 'bool' | 'datetime' | 'date' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  /** `table` is that of the other resource, or of this one itself. */
  | { readonly kind: 'ref'; readonly table: string; readonly self: boolean }

/** A field of a resource. */
export interface Field {
  /** `dueAt` */
  readonly name: string
  /** `due_at` */
  readonly column: string
  readonly type: FieldType
  /** Null if it has no value. */
  readonly optional: boolean
  readonly unique: boolean
}

/** Of a string or a text, in characters. Each fits into the body of a request and into its column. */
export const longestText = 10_000

const forms = 'string(N), text, int, decimal(P,S), bool, datetime, date, enum(a,b), ref(OTHER); then ? or !'

/**
 * Reads what follows the resource's name: `NAME:TYPE`, `?` for an optional field, `!` for a unique one.
 *
 * @param tables that a field can refer to.
 * @param own the table of the resource itself.
 * @throws {CliError} that says what is expected.
 */
export function parseFields(texts: readonly string[], tables: ReadonlySet<string>, own: string): readonly Field[] {
  if (texts.length === 0) throw new CliError(`A resource needs at least one field, as NAME:TYPE. Types: ${forms}.`)
  const fields = texts.map((text) => parseField(text, tables, own))
  const names = fields.map(({ column }) => column)
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) throw new CliError(`Two fields have the column '${duplicate}'.`)
  checkLimits(own, fields)
  return fields
}

function parseField(text: string, tables: ReadonlySet<string>, own: string): Field {
  const [, name = '', typeName = '', list, marks = ''] = /^([^:]*):(\w+)(?:\(([^)]*)\))?([?!]*)$/.exec(text) ?? []
  if (typeName === '') throw new CliError(`Invalid field '${text}': expected NAME:TYPE. Types: ${forms}.`)
  if (!/^(\??!?|!\?)$/.test(marks)) throw new CliError(`Invalid field '${text}': '?' and '!' may occur once each.`)
  const column = columnOf(name)
  const type = parseType(
    text,
    typeName,
    list?.split(',').map((each) => each.trim()),
    tables,
    own,
  )
  const [optional, unique] = [marks.includes('?'), marks.includes('!')]
  if (type.kind === 'ref' && type.self && !optional) {
    throw new CliError(`Invalid field '${text}': without '?', no first entry could be stored.`)
  }
  if (type.kind === 'ref' && unique && !optional) {
    throw new CliError(`Invalid field '${text}': with '!', it needs a '?', for entries that the drills store.`)
  }
  if (unique) checkUnique(text, type)
  return { name, column, type, optional, unique }
}

function parseType(
  text: string,
  kind: string,
  given: readonly string[] | undefined,
  tables: ReadonlySet<string>,
  own: string,
): FieldType {
  const fail = (expected: string) => new CliError(`Invalid field '${text}': expected ${expected}.`)
  const [first = '', second = '', ...more] = given ?? []
  switch (kind) {
    case 'string': {
      const length = Number(first)
      if (given?.length !== 1 || !isInteger(first, 1, longestText))
        throw fail('string(N) with N from 1 to 10,000 characters')
      return { kind, length }
    }
    case 'decimal': {
      const valid = isInteger(first, 1, 65) && isInteger(second, 0, 30) && Number(second) < Number(first)
      if (!valid || more.length > 0)
        throw fail('decimal(P,S) with P digits, 1 to 65, and S of them after the point, 0 to 30 and fewer than P')
      return { kind, precision: Number(first), scale: Number(second) }
    }
    case 'enum': {
      const values = given ?? []
      if (values.length === 0 || values.some((value) => !/^[a-z][a-z0-9_-]{0,39}$/.test(value))) {
        throw fail('enum(a,b) with values of lower-case letters, digits, - and _')
      }
      if (new Set(values).size < values.length) throw fail('different values')
      return { kind, values }
    }
    case 'ref': {
      if (given?.length !== 1 || first === '') throw fail('ref(OTHER) with the name of another resource')
      const table = referenced(text, first, new Set([...tables, own]))
      return { kind, table, self: table === own }
    }
    case 'text':
    case 'int':
    case 'bool':
    case 'datetime':
    case 'date':
      if (given !== undefined) throw fail(`${kind} without parentheses`)
      return { kind }
    default:
      throw new CliError(`Unknown type '${kind}' in '${text}'. Types: ${forms}.`)
  }
}

/** The table of a resource, by its name in the plural or in the singular. */
function referenced(text: string, name: string, tables: ReadonlySet<string>): string {
  const given = snakeCase(name)
  const candidates = [...new Set([given, pluralOf(given.replaceAll('_', '-')).replaceAll('-', '_')])]
  const table = candidates.find((candidate) => tables.has(candidate))
  if (table !== undefined) return table
  const known = tables.size > 0 ? ` Tables: ${[...tables].sort().join(', ')}.` : ''
  throw new CliError(`Invalid field '${text}': no resource has the table ${candidates.join(' or ')}.${known}`)
}

function checkUnique(text: string, type: FieldType): void {
  if (type.kind === 'text' || type.kind === 'bool' || type.kind === 'enum') {
    throw new CliError(`Invalid field '${text}': ${type.kind === 'enum' ? 'an' : 'a'} ${type.kind} cannot be unique.`)
  }
  // An index entry has at most 3,072 bytes, a character up to four.
  if (type.kind === 'string' && type.length > 768) {
    throw new CliError(`Invalid field '${text}': a unique string has at most 768 characters.`)
  }
}

const isInteger = (text: string, min: number, max: number) =>
  /^\d{1,6}$/.test(text) && Number(text) >= min && Number(text) <= max
