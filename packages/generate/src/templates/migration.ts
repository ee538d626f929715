import type { Field } from '../fields.ts'
import { foreignKey, isIndexed, keyOf } from '../keys.ts'
import type { Names } from '../names.ts'
import { kindOf } from './kinds.ts'

/** The statement that creates the table. */
export function migration({ table, pluralWords }: Names, fields: readonly Field[]): string {
  const columns = fields.map((field) => `${field.column} ${kindOf(field).sql} ${field.optional ? 'NULL' : 'NOT NULL'}`)
  const keys = fields
    .filter(isIndexed)
    .map((field) => `${field.unique ? 'UNIQUE KEY' : 'KEY'} ${keyOf(field)} (${field.column})`)
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
