import { readFileSync } from 'node:fs'
import mysql, { type Pool } from 'mysql2/promise'

/** The database of the Node baselines: one pool of ten connections per endpoint. */
export interface BaselineDatabase {
  /** Stores the current time with one statement. */
  save(): Promise<string>
  /** Every stored time, oldest first. */
  list(): Promise<string[]>
}

/** Reads the same variables as the project's own app. */
export function openBaselineDatabase(): BaselineDatabase {
  const writer = pool(process.env.DB_WRITE_ENDPOINT_ADDRESS)
  const reader = pool(process.env.DB_READ_ENDPOINT_ADDRESS)
  return {
    async save() {
      const now = new Date().toISOString().slice(0, 23).replace('T', ' ')
      await writer.execute('INSERT INTO testtable (dt) VALUES (?)', [now])
      return now.slice(0, 19)
    },
    async list() {
      const [rows] = await reader.query<(mysql.RowDataPacket & { dt: string })[]>(
        'SELECT dt FROM testtable ORDER BY dt, id',
      )
      return rows.map((row) => row.dt.slice(0, 19))
    },
  }
}

function pool(host = ''): Pool {
  return mysql.createPool({
    host,
    user: 'app',
    password: readFileSync('/run/credentials/password', 'utf8').trim(),
    database: 'testdb',
    connectionLimit: 10,
    dateStrings: true,
  })
}
