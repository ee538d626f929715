import { type Field, isIndexed } from '../fields.ts'
import type { Names } from '../names.ts'
import { kindOf } from './kinds.ts'

/** The statement that creates the table. */
export function migration({ table, pluralWords }: Names, fields: readonly Field[]): string {
  const columns = fields.map((field) => `${field.column} ${kindOf(field).sql} ${field.optional ? 'NULL' : 'NOT NULL'}`)
  const keys = fields.filter(isIndexed).map(({ column, unique }) => {
    return unique ? `UNIQUE KEY ${uniqueKey(column)} (${column})` : `KEY by_${column} (${column})`
  })
  const references = fields.flatMap(({ column, type }) =>
    type.kind === 'ref'
      ? [`CONSTRAINT ${foreignKey(table, column)} FOREIGN KEY (${column}) REFERENCES ${type.table} (id)`]
      : [],
  )
  const lines = [
    'id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT',
    'created_at DATETIME(3) NOT NULL',
    ...columns,
    'PRIMARY KEY (id)',
    ...keys,
    ...references,
  ]
  const filtered = fields.some(isIndexed) ? ' What the list can be filtered by has an index.' : ''
  return `-- Intent: the ${pluralWords}; listed newest first, by the primary key.${filtered}
-- Reversible: yes, by DROP TABLE, which loses the data.
-- Repeatable: yes
-- App user: SELECT, INSERT, UPDATE, DELETE ON ${table}
CREATE TABLE IF NOT EXISTS ${table} (
  ${lines.join(',\n  ')}
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
`
}

/** The name of the key of a unique column. */
export const uniqueKey = (column: string) => `unique_${column}`

/** The name of the foreign key of a column; unique in the database. */
export const foreignKey = (table: string, column: string) => `${table}_${column}`
