import { type Connection, DatabaseError, query } from '@repo/db'
import type { Finding } from './finding.ts'
import { type Column, declare, type Schema } from './schema.ts'

/** Rows as the release before stores them, which show what a statement does to data. */
export interface SampleRows {
  /** What has become of them, and whether another one can be stored. */
  findings(schema: Schema): Promise<Finding[]>
  /** Empties the tables; there are no findings any more. */
  remove(): Promise<void>
}

/**
 * Stores a row in each table, where that is possible.
 *
 * @param connection returns decimals as numbers.
 */
export async function storeSampleRows(connection: Connection, schema: Schema): Promise<SampleRows> {
  await query(connection, 'SET SESSION foreign_key_checks = 0')
  const tables: SampledTable[] = []
  for (const [name, { columns: all }] of schema) {
    if (ofTheMigrator.has(name)) continue
    const columns = new Map([...all].filter(([, { generated }]) => !generated))
    await refusal(connection, { name, columns }, 7, 'COMMIT')
    const acceptsMore = (await refusal(connection, { name, columns }, 8, 'ROLLBACK')) === undefined
    tables.push({ name, columns, acceptsMore, stored: await read(connection, name, [...all.keys()]) })
  }
  return {
    async findings(after) {
      const findings: Finding[] = []
      for (const { name, columns, acceptsMore, stored } of tables) {
        const present = new Map([...columns].filter(([column]) => after.get(name)?.columns.has(column)))
        if (present.size === 0) continue
        findings.push(...changes(name, stored, await read(connection, name, [...present.keys()])))
        const code = acceptsMore && (await refusal(connection, { name, columns: present }, 8, 'ROLLBACK'))
        if (code) findings.push(refusedRow(name, code))
      }
      return findings
    },
    async remove() {
      for (const { name } of tables.splice(0)) await query(connection, 'DELETE FROM ??', [name])
    },
  }
}

interface SampledTable {
  readonly name: string
  /** Those that an INSERT may set. */
  readonly columns: ReadonlyMap<string, Column>
  /** False if the values below are none that the table accepts. */
  readonly acceptsMore: boolean
  readonly stored: Values
}

/** Their rows change with every migration. */
const ofTheMigrator = new Set(['schema_migrations', 'unfinished_migrations'])

/** The values of each column, in no particular order. */
type Values = ReadonlyMap<string, readonly string[]>

async function read(connection: Connection, table: string, columns: readonly string[]): Promise<Values> {
  const rows = await query(connection, 'SELECT ?? FROM ??', [columns, table])
  return new Map(columns.map((column) => [column, rows.map((row) => JSON.stringify(row[column]))]))
}

/** The error of the server when a row with the values of the number `n` is stored; undefined if there is none. */
async function refusal(
  connection: Connection,
  { name, columns }: Pick<SampledTable, 'name' | 'columns'>,
  n: number,
  end: 'COMMIT' | 'ROLLBACK',
): Promise<string | undefined> {
  const row = [...columns].map(([column, { type }]) => [column, sampleOf(type, n)] as const)
  await query(connection, 'START TRANSACTION')
  try {
    await query(connection, 'INSERT INTO ?? (??) VALUES (?)', [
      name,
      row.map(([column]) => column),
      row.map(([, value]) => value),
    ])
    return undefined
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return error.message
  } finally {
    await query(connection, end)
  }
}

/** A value of one digit or character, which is not the default of its type. */
function sampleOf(type: string, n: number): unknown {
  const [, name = '', list = ''] = /^(\w+)(?:\((.*)\))?/.exec(type) ?? []
  switch (name) {
    case 'date':
    case 'datetime':
    case 'timestamp':
      return `2001-02-0${n}`
    case 'time':
      return `00:00:0${n}`
    case 'year':
      return 2000 + n
    case 'decimal':
      return /^(\d+),\1$/.test(list) ? 0 : n
    case 'bit':
      return 1
    case 'enum':
    case 'set':
      return list
        .match(/'(?:[^']|'')*'/g)
        ?.at(-1)
        ?.slice(1, -1)
        .replaceAll("''", "'")
    default:
      return String(n)
  }
}

function changes(table: string, before: Values, after: Values): Finding[] {
  const findings: Finding[] = []
  for (const [column, values] of after) {
    const stored = before.get(column) ?? []
    if (values.length < stored.length) return [rowsGone(table)]
    if (stored.some((value) => !values.includes(value))) findings.push(valuesChanged(`${table}.${column}`))
  }
  return findings
}

const rowsGone = (object: string): Finding => ({
  object,
  problem: 'rows that the release before has stored are gone',
  wayOut: `Delete rows in a later release. ${declare(object)}`,
})

const valuesChanged = (object: string): Finding => ({
  object,
  problem: 'values that the release before has stored are gone or changed',
  wayOut: `Add a column for the new values and write both; drop this one later. ${declare(object)}`,
})

const refusedRow = (object: string, code: string): Finding => ({
  object,
  problem: `a row of the release before is refused: ${code}`,
  wayOut: `Release first what stores only rows that are accepted. ${declare(object)}`,
})
