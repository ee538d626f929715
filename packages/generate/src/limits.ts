import { CliError } from '@repo/ops/cli.ts'
import type { Field, FieldType } from './fields.ts'
import { foreignKey, isIndexed, keyOf } from './keys.ts'

/**
 * Checks what MySQL and InnoDB limit: https://dev.mysql.com/doc/refman/8.4/en/column-count-limit.html
 *
 * @throws {CliError} that names the limit.
 */
export function checkLimits(table: string, fields: readonly Field[]): void {
  if (fields.length > 1000) throw new CliError('A resource has at most 1,000 fields.')
  for (const field of fields) {
    const { column, name, type } = field
    const keys = [
      ...(isIndexed(field) ? [keyOf(field)] : []),
      ...(type.kind === 'ref' ? [foreignKey(table, column)] : []),
    ]
    const long = [column, ...keys].find((each) => each.length > 64)
    if (long === undefined) continue
    throw new CliError(`The field name '${name}' is too long: '${long}' exceeds MySQL's 64 characters.`)
  }
  const indexed = fields.filter(isIndexed).length
  // One more is the primary key.
  if (indexed > 63) {
    throw new CliError(
      `MySQL has at most 64 keys in a table: 63 fields can be unique, an enum or a ref, not ${indexed}.`,
    )
  }
  const sum = (sizeOf: (type: FieldType) => number) => fields.reduce((bytes, { type }) => bytes + sizeOf(type), 0)
  if (sum(bytesInRow) > 65_000) {
    throw new CliError('The strings are too long for one row. Make the longest ones a text.')
  }
  if (sum(bytesInPage) > 8000) throw new CliError('The fields are too many for one row of InnoDB. Take fewer of them.')
}

function bytesInRow(type: FieldType): number {
  if (type.kind === 'string') return 4 * type.length + 2
  return type.kind === 'decimal' ? type.precision / 2 + 2 : 12
}

/** Of a text, InnoDB stores what is longer in other pages. */
function bytesInPage(type: FieldType): number {
  if (type.kind === 'text') return 42
  if (type.kind === 'string') return Math.min(4 * type.length, 40) + 2
  return type.kind === 'decimal' ? type.precision / 2 + 2 : 8
}
