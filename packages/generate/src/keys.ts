import type { Field } from './fields.ts'

/** Whether the list can be filtered by it, for which it has an index. */
export const isIndexed = ({ type, unique }: Field) => unique || type.kind === 'ref' || type.kind === 'enum'

/** The name of the key of an indexed column. */
export const keyOf = ({ column, unique }: Pick<Field, 'column' | 'unique'>) => `${unique ? 'unique' : 'by'}_${column}`

/** The name of the foreign key of a column; unique in the database, since no name has two underscores. */
export const foreignKey = (table: string, column: string) => `${table}__${column}`
