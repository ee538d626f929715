import type { Field, FieldType } from '../fields.ts'

/** What the templates write for a field of one type. Code refers to a number `n`, which differs between entries. */
interface Kind {
  /** The column's type. */
  readonly sql: string
  /** The schema of a value, and what it imports from `http/schema.ts`. */
  readonly schema: string
  readonly imports: readonly string[]
  /** The schema of a value in a query, for what can be filtered by; empty for the others. */
  readonly parameter: string
  /** Some valid value, as the API returns it. */
  readonly sample: string
  /** A random one, for a unique field. */
  readonly random: string
  readonly invalid: string
  /** A valid value as SQL. */
  readonly sqlSample: string
  /** The input element, without its name. */
  readonly input: string
}

const quoted = (text: string) => `'${text}'`

/** See {@link Kind}. */
export function kindOf({ name, type, optional, unique }: Field): Kind {
  const required = optional ? '' : ' required'
  /** In a query there is no null. */
  const given = (schema: string) => (optional ? schema : `fields.${name}`)
  switch (type.kind) {
    case 'string': {
      const { length } = type
      const isShort = length < name.length + 9
      const schema = `text(${optional ? 0 : 1}, ${length.toLocaleString('en').replaceAll(',', '_')})`
      return {
        sql: `VARCHAR(${length})`,
        schema,
        imports: ['text'],
        parameter: given(schema),
        sample: isShort ? `String(n).slice(0, ${length})` : `\`${name} \${n}\``,
        random: length < 36 ? `randomUUID().slice(0, ${length})` : 'randomUUID()',
        invalid: `'x'.repeat(${length + 1})`,
        sqlSample: isShort ? `LEFT(n, ${length})` : `CONCAT('${name} ', n)`,
        input: `<input maxlength="${length}"${required}>`,
      }
    }
    case 'text':
      return {
        sql: 'TEXT',
        schema: `text(${optional ? 0 : 1}, 10_000)`,
        imports: ['text'],
        parameter: '',
        sample: `\`${name} \${n}\``,
        random: 'randomUUID()',
        invalid: '5',
        sqlSample: `'${name}'`,
        input: `<textarea maxlength="10000" rows="3"${required}></textarea>`,
      }
    case 'int':
      return {
        sql: 'INT',
        schema: 'integer()',
        imports: ['integer'],
        parameter: 'integerParameter(-2_147_483_648, 2_147_483_647)',
        sample: 'n',
        random: 'randomInt(2 ** 31)',
        invalid: '1.5',
        sqlSample: 'n',
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
        random: `String(randomInt(${10 ** Math.min(precision - scale, 12)}))`,
        invalid: "'1,5'",
        sqlSample: `MOD(n, ${10 ** Math.min(precision - scale, 12)})`,
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
        random: 'false',
        invalid: "'yes'",
        sqlSample: 'MOD(n, 2)',
        input: '<input type="checkbox" data-type="boolean">',
      }
    case 'datetime':
      return {
        sql: 'DATETIME(3)',
        schema: 'dateTime',
        imports: ['dateTime'],
        parameter: given('dateTime'),
        sample: 'new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString()',
        random: 'new Date(randomInt(2 ** 41)).toISOString()',
        invalid: "'2026-02-30T00:00:00Z'",
        sqlSample: "TIMESTAMPADD(SECOND, n, '2020-01-01')",
        input: `<input type="datetime-local" step="1" data-type="datetime"${required}>`,
      }
    case 'date':
      return {
        sql: 'DATE',
        schema: 'date',
        imports: ['date'],
        parameter: given('date'),
        sample: 'new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10)',
        random: 'new Date(randomInt(2 ** 44)).toISOString().slice(0, 10)',
        invalid: "'2026-02-30'",
        sqlSample: "TIMESTAMPADD(DAY, n, '2000-01-01')",
        input: `<input type="date"${required}>`,
      }
    case 'enum': {
      const [first = '', ...others] = type.values
      const last = others.at(-1)
      const error =
        others.length === 0 ? `'${first}'` : `${[first, ...others.slice(0, -1)].map(quoted).join(', ')} or '${last}'`
      const schema = `z.enum([${type.values.map(quoted).join(', ')}], { error: "must be ${error}" })`
      const options = [...(optional ? [''] : []), ...type.values].map((value) => `<option>${value}</option>`).join('')
      return {
        sql: `ENUM(${type.values.map(quoted).join(', ')})`,
        schema,
        imports: [],
        parameter: given(schema),
        sample: quoted(first),
        random: quoted(first),
        invalid: "''",
        sqlSample:
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
        // Before the first entry there is none to refer to, and only one other entry is sure to exist.
        sample: type.self ? 'null' : unique ? '(n === 1 ? 1 : null)' : '1',
        random: 'null',
        invalid: '0',
        sqlSample: type.self || unique ? 'NULL' : '1',
        input: `<input type="number" min="1" data-type="number"${required}>`,
      }
  }
}

/** The expression that selects a field as the API returns it. */
export function selection(column: string, name: string, type: FieldType): string {
  const value =
    type.kind === 'datetime'
      ? `CONCAT(REPLACE(${column}, ' ', 'T'), 'Z')`
      : type.kind === 'date'
        ? `CAST(${column} AS CHAR)`
        : column
  return value === name ? column : `${value} AS ${name}`
}
