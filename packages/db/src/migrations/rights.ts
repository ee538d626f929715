import type { QueryResult, RowDataPacket } from 'mysql2'
import { type Endpoint, query } from '../client/connection.ts'
import { DatabaseError } from '../client/errors.ts'
import { connectPersistently } from './connect.ts'
import { declarableRights } from './load.ts'
import type { Run } from './runner.ts'

/** The declared rights of the app's user, by table. */
export type Rights = ReadonlyMap<string, readonly string[]>

/** https://dev.mysql.com/doc/refman/8.4/en/grant.html#grant-table-privileges */
const otherRights = [
  'CREATE',
  'DROP',
  'ALTER',
  'INDEX',
  'REFERENCES',
  'TRIGGER',
  'CREATE VIEW',
  'SHOW VIEW',
  'GRANT OPTION',
]

/** Gives the user the declared rights on each table of the database. Revokes all others if `revoke`. */
export async function changeRights(run: Run, user: string, declared: Rights, revoke: boolean): Promise<void> {
  for (const table of await tables(run)) {
    const granted = declared.get(table) ?? []
    // Granted first: what the running app may do before and after, it may do in between.
    if (granted.length > 0) await change(run, `GRANT ${granted.join(', ')}`, table, 'TO', user)
    if (!revoke) continue
    const revoked = [...declarableRights, ...otherRights].filter((right) => !granted.includes(right))
    await change(run, `REVOKE IF EXISTS ${revoked.join(', ')}`, table, 'FROM', user)
  }
}

/**
 * Whether the user can sign in and has the declared rights on each table, and no others if `exactly`. Asks as that
 * user, who sees its own rights.
 *
 * @throws {DatabaseError} when the server cannot be reached.
 */
export async function hasRights(
  run: Run,
  user: Endpoint,
  database: string,
  declared: Rights,
  exactly: boolean,
): Promise<boolean> {
  const actual = await readRights(user, database)
  if (!actual) return false
  return (await tables(run)).every((table) => {
    const [expected, found] = [declared.get(table) ?? [], actual.get(table) ?? []]
    return expected.every((right) => found.includes(right)) && (!exactly || found.length === expected.length)
  })
}

/** The user's rights on tables; undefined when it cannot sign in. */
async function readRights(user: Endpoint, database: string): Promise<ReadonlyMap<string, string[]> | undefined> {
  const connection = await connectPersistently(user).catch((error: unknown) => {
    if (error instanceof DatabaseError && error.code === 'ER_ACCESS_DENIED_ERROR') return undefined
    throw error
  })
  if (!connection) return undefined
  try {
    const rows = await query(
      connection,
      `SELECT TABLE_NAME AS name, IF(IS_GRANTABLE = 'YES', 'GRANT OPTION', PRIVILEGE_TYPE) AS privilege
       FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = ?`,
      [database],
    )
    const rights = new Map<string, string[]>()
    for (const { name, privilege } of rows) rights.set(String(name), [...(rights.get(String(name)) ?? []), privilege])
    return rights
  } finally {
    connection.end()
  }
}

async function tables(run: Run): Promise<string[]> {
  const rows = await run<RowDataPacket[]>(
    'tables',
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'`,
  )
  return rows.map(({ name }) => String(name))
}

function change(
  run: Run,
  statement: string,
  table: string,
  preposition: 'TO' | 'FROM',
  user: string,
): Promise<QueryResult> {
  return run(`rights on ${table}`, `${statement} ON ?? ${preposition} ?`, [table, user])
}
