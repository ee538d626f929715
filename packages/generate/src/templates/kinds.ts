import { type Field, type FieldType, longestText } from '../fields.ts'
import { reservedWords } from '../reserved-words.ts'

/** What the templates write for a field of one type. Code refers to a number `n` from 1, which differs between entries. */
interface Kind {
  /** The column's type. */
  readonly sql: string
  /** The schema of a value, and what it imports from `http/schema.ts`. */
  readonly schema: string
  readonly imports: readonly string[]
  /** The schema of a value in a query, for what can be filtered by; empty for the others. */
  readonly parameter: string
  /** A valid value for a test, as the API returns it. */
  readonly sample: string
  readonly invalid: string
  /** A valid value for the drills. For a unique field, `distinct(COUNT)` is a number below, another one for each entry. */
  readonly load: string
  /** A valid value as SQL. Unique ones are different for each `n` below `capacity`. */
  readonly numbered: string
  /** How many values there are, if it matters: for a unique field with few. */
  readonly capacity?: number
  /** The input element, without its name. */
  readonly input: string
}

const quoted = (text: string) => `'${text}'`

/** A number in code: `10_000`. */
export const grouped = (number: number) => number.toLocaleString('en').replaceAll(',', '_')

/** See {@link Kind}. */
export function kindOf({ name, type, optional, unique }: Field): Kind {
  const required = optional ? '' : ' required'
  /** In a query there is no null. */
  const given = (schema: string) => (optional ? schema : `fields.${name}`)
  switch (type.kind) {
    case 'string': {
      const { length } = type
      const isShort = length < name.length + 14
      const digits = Math.min(length, 10)
      const sample = isShort ? `String(n).slice(0, ${length})` : `\`${name} \${n}\``
      const schema = `text(${optional ? 0 : 1}, ${grouped(length)})`
      return {
        sql: `VARCHAR(${length})`,
        schema,
        imports: ['text'],
        parameter: given(schema),
        sample,
        invalid: `'x'.repeat(${length + 1})`,
        load: !unique
          ? sample
          : isShort
            ? `distinct(36 ** ${digits}).toString(36)`
            : `\`${name} \${distinct(2 ** 40)}\``,
        numbered: !isShort ? `CONCAT('${name} ', n)` : unique ? 'CONV(n, 10, 36)' : `LEFT(n, ${length})`,
        ...few(unique, 36 ** digits),
        input: `<input maxlength="${length}"${required}>`,
      }
    }
    case 'text':
      return {
        sql: 'TEXT',
        schema: `text(${optional ? 0 : 1}, ${grouped(longestText)})`,
        imports: ['text'],
        parameter: '',
        sample: `\`${name} \${n}\``,
        invalid: '5',
        load: `\`${name} \${n}\``,
        numbered: `'${name}'`,
        input: `<textarea maxlength="${longestText}" rows="3"${required}></textarea>`,
      }
    case 'int':
      return {
        sql: 'INT',
        schema: 'integer()',
        imports: ['integer'],
        parameter: 'integerParameter(-2_147_483_648, 2_147_483_647)',
        sample: 'n',
        invalid: '1.5',
        load: unique ? 'distinct(2 ** 31)' : 'n',
        numbered: 'n',
        input: `<input type="number" data-type="number"${required}>`,
      }
    case 'decimal': {
      const { precision, scale } = type
      return {
        sql: `DECIMAL(${precision}, ${scale})`,
        schema: `decimal(${precision}, ${scale})`,
        imports: ['decimal'],
        parameter: given(`decimal(${precision}, ${scale})`),
        sample: `(n % 10).toFixed(${scale})`,
        invalid: "'1,5'",
        load: unique ? distinctDecimal(type) : `(n % 10).toFixed(${scale})`,
        numbered: !unique ? 'MOD(n, 10)' : scale === 0 ? 'n' : `n * 0.${'1'.padStart(scale, '0')}`,
        ...few(unique, 10 ** precision),
        input: `<input inputmode="decimal"${required}>`,
      }
    }
    case 'bool':
      return {
        sql: 'BOOLEAN',
        schema: "z.boolean({ error: 'must be true or false' })",
        imports: [],
        parameter: '',
        sample: 'n % 2 === 0',
        invalid: "'yes'",
        load: 'n % 2 === 0',
        numbered: 'MOD(n, 2)',
        input: '<input type="checkbox" data-type="boolean">',
      }
    case 'datetime':
      return {
        sql: 'DATETIME(3)',
        schema: 'dateTime',
        imports: ['dateTime'],
        parameter: given('dateTime'),
        sample: 'new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString()',
        invalid: "'2026-02-30T00:00:00Z'",
        load: unique
          ? 'new Date(distinct(2 ** 44)).toISOString()'
          : 'new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString()',
        numbered: "TIMESTAMPADD(SECOND, n, '2020-01-01')",
        input: `<input type="datetime-local" step="1" data-type="datetime"${required}>`,
      }
    case 'date':
      return {
        sql: 'DATE',
        schema: 'date',
        imports: ['date'],
        parameter: given('date'),
        sample: 'new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10)',
        invalid: "'2026-02-30'",
        load: `new Date(Date.UTC(${unique ? '1000, 0, 1 + distinct(730_485)' : '2026, 0, n % 10_000'})).toISOString().slice(0, 10)`,
        numbered: unique ? "TIMESTAMPADD(DAY, n, '1000-01-01')" : "TIMESTAMPADD(DAY, MOD(n, 10000), '2000-01-01')",
        // The days of the years that the schema accepts, 1000 to 2999.
        ...few(unique, 730_485),
        input: `<input type="date"${required}>`,
      }
    case 'enum': {
      const [first = '', ...others] = type.values
      const last = others.at(-1)
      const error =
        others.length === 0 ? `'${first}'` : `${[first, ...others.slice(0, -1)].map(quoted).join(', ')} or '${last}'`
      const schema = `z.enum([${type.values.map(quoted).join(', ')}], { error: "must be ${error}" })`
      const sample =
        others.length === 0 ? quoted(first) : `[${type.values.map(quoted).join(', ')}][n % ${type.values.length}]`
      const options = [...(optional ? [''] : []), ...type.values].map((value) => `<option>${value}</option>`).join('')
      return {
        sql: `ENUM(${type.values.map(quoted).join(', ')})`,
        schema,
        imports: [],
        parameter: given(schema),
        sample,
        invalid: "''",
        load: sample,
        numbered:
          others.length === 0
            ? quoted(first)
            : `ELT(1 + MOD(n, ${type.values.length}), ${type.values.map(quoted).join(', ')})`,
        input: `<select>${options}</select>`,
      }
    }
    case 'ref':
      return {
        sql: 'BIGINT UNSIGNED',
        schema: 'id',
        imports: [],
        parameter: 'idParameter',
        // Before the first entry there is none to refer to. The test stores two other entries, the drills one.
        sample: type.self ? 'null' : unique ? 'n === 1 ? 1 : null' : '1 + (n % 2)',
        invalid: '0',
        load: type.self || unique ? 'null' : '1',
        numbered: type.self || unique ? 'NULL' : '1',
        input: `<input type="number" min="1" data-type="number"${required}>`,
      }
  }
}

/** Whether the samples of 1 and 2 are different. */
export const varies = ({ type }: Field) =>
  type.kind === 'ref' ? !type.self : type.kind !== 'enum' || type.values.length > 1

/** More rows than this are not stored at once. */
const many = 1_000_000_000

const few = (unique: boolean, capacity: number) => (unique && capacity <= many ? { capacity } : {})

/** A number has 15 digits that are exact. */
function distinctDecimal({ precision, scale }: { readonly precision: number; readonly scale: number }): string {
  const number = `distinct(10 ** ${Math.min(precision, 15)})`
  return scale === 0 ? `String(${number})` : `(${number} / 10 ** ${scale}).toFixed(${scale})`
}

/** The expression that selects a field as the API returns it. */
export function selection(column: string, name: string, type: FieldType): string {
  const value =
    type.kind === 'datetime'
      ? `CONCAT(REPLACE(${column}, ' ', 'T'), 'Z')`
      : type.kind === 'date'
        ? `CAST(${column} AS CHAR)`
        : column
  if (value === name) return column
  // MySQL takes a reserved word as an alias only in quotes: full_text AS 'fullText'.
  return `${value} AS ${reservedWords.has(name.toLowerCase()) ? `'${name}'` : name}`
}
