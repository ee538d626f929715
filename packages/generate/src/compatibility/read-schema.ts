import { type Connection, DatabaseError, query } from '@repo/db'
import type { Column, Key, Schema, Table } from './schema.ts'

/** Reads what the connection's database has. */
export async function readSchema(connection: Connection): Promise<Schema> {
  const [columns, keys, references, checks] = [
    await partsOf(
      connection,
      `SELECT TABLE_NAME AS name, COLUMN_NAME AS part, COLUMN_TYPE AS type, CHARACTER_MAXIMUM_LENGTH AS characters,
         CHARACTER_OCTET_LENGTH AS bytes, CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation,
         IS_NULLABLE AS nullable, COLUMN_DEFAULT AS fallback, GENERATION_EXPRESSION AS generation
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY ORDINAL_POSITION`,
    ),
    await partsOf(
      connection,
      `SELECT TABLE_NAME AS name, INDEX_NAME AS part, NON_UNIQUE AS nonUnique, IS_VISIBLE AS visible,
         CONCAT(COALESCE(COLUMN_NAME, EXPRESSION), COALESCE(CONCAT('(', SUB_PART, ')'), '')) AS columnName
       FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY SEQ_IN_INDEX`,
    ),
    await partsOf(
      connection,
      `SELECT TABLE_NAME AS name, CONSTRAINT_NAME AS part, COLUMN_NAME AS columnName, DELETE_RULE AS onDelete,
         UPDATE_RULE AS onUpdate, columns.REFERENCED_TABLE_NAME AS toTable, REFERENCED_COLUMN_NAME AS toColumn
       FROM information_schema.KEY_COLUMN_USAGE AS columns
       JOIN information_schema.REFERENTIAL_CONSTRAINTS USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME, TABLE_NAME)
       WHERE CONSTRAINT_SCHEMA = DATABASE() ORDER BY ORDINAL_POSITION`,
    ),
    await partsOf(
      connection,
      `SELECT TABLE_NAME AS name, CONSTRAINT_NAME AS part, CHECK_CLAUSE AS clause
       FROM information_schema.TABLE_CONSTRAINTS
       JOIN information_schema.CHECK_CONSTRAINTS USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME)
       WHERE CONSTRAINT_SCHEMA = DATABASE() AND ENFORCED = 'YES'`,
    ),
  ]
  const schema = new Map<string, Table>()
  for (const [name, parts] of columns) {
    schema.set(name, {
      columns: await columnsOf(connection, name, parts),
      keys: mapValues(keys.get(name), keyOf),
      references: mapValues(references.get(name), referenceOf),
      checks: mapValues(checks.get(name), ([first]) => String(first?.clause)),
    })
  }
  return schema
}

type Row = Readonly<Record<string, unknown>>
type Parts = ReadonlyMap<string, readonly Row[]>

/** The rows of each part, such as the columns of a key, by table and name of the part. */
async function partsOf(connection: Connection, sql: string): Promise<ReadonlyMap<string, Parts>> {
  const rows = (await query(connection, sql)) as readonly Row[]
  const byTable = Map.groupBy(rows, ({ name }) => String(name))
  return mapValues(byTable, (group) => Map.groupBy(group, ({ part }) => String(part)))
}

function mapValues<From, To>(map: ReadonlyMap<string, From> = new Map(), change: (value: From) => To) {
  return new Map([...map].map(([key, value]) => [key, change(value)]))
}

const namesOf = (group: readonly Row[]) => group.map(({ columnName }) => String(columnName))

const keyOf = (group: readonly Row[]): Key => ({
  columns: namesOf(group),
  unique: Number(group[0]?.nonUnique) === 0,
  visible: group[0]?.visible === 'YES',
})

function referenceOf(group: readonly Row[]): { columns: string[]; target: string } {
  const columns = namesOf(group)
  const { toTable, onDelete, onUpdate } = group[0] ?? {}
  const toColumns = group.map(({ toColumn }) => toColumn).join(', ')
  const target = `(${columns.join(', ')}) REFERENCES ${toTable} (${toColumns}) ON DELETE ${onDelete} ON UPDATE ${onUpdate}`
  return { columns, target }
}

async function columnsOf(connection: Connection, table: string, parts: Parts): Promise<ReadonlyMap<string, Column>> {
  const columns = new Map<string, Column>()
  for (const [name, [row = {}]] of parts) {
    columns.set(name, {
      type: String(row.type),
      characters: Number(row.characters ?? 0),
      bytes: Number(row.bytes ?? 0),
      charset: String(row.charset ?? ''),
      collation: String(row.collation ?? ''),
      nullable: row.nullable === 'YES',
      fallback: await fallbackOf(connection, [table, name], row),
      generated: row.generation !== '',
    })
  }
  return columns
}

/** information_schema has NULL for a default of NULL and for none; the server distinguishes them. */
async function fallbackOf(
  connection: Connection,
  [table, column]: readonly [string, string],
  { nullable, fallback }: Row,
): Promise<Column['fallback']> {
  try {
    await query(connection, 'SELECT DEFAULT(??) FROM ?? LIMIT 0', [column, table])
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    // ER_NO_DEFAULT_FOR_FIELD. A default that is an expression is another error.
    if (error.errno === 1364) return 'none'
  }
  return nullable === 'YES' && fallback === null ? 'null' : 'value'
}
