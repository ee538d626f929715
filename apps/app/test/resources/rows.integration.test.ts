import { createDatabaseClient, type DatabaseClient, query } from '@repo/db'
import { type MigratedServer, startMigrated } from '@repo/db/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Cursor } from '../../src/http/pages.ts'
import { readPage, where } from '../../src/resources/rows.ts'

let server: MigratedServer
let client: DatabaseClient
/** How many rows were read at a time. */
let batches: number[] = []

beforeAll(async () => {
  server = await startMigrated()
  await server.mysql.sql(`CREATE TABLE notes (id BIGINT PRIMARY KEY, text MEDIUMTEXT NOT NULL);
    GRANT SELECT ON notes TO app`)
  client = createDatabaseClient(server.options)
})

afterAll(async () => {
  await client?.close()
  await server?.mysql[Symbol.asyncDispose]()
})

/** Stores rows with the ids from 1 and a text of that many characters. */
const store = (count: number, length: number) =>
  server.mysql.sql(`TRUNCATE notes; SET SESSION cte_max_recursion_depth = 20000;
    INSERT INTO notes WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
    SELECT n, REPEAT('x', ${length}) FROM numbers`)

const list = (limit: number, after?: Cursor) =>
  readPage(client, { limit, after }, [], async (connection, before, rows) => {
    const { sql, values } = where({ 'id < ?': before })
    const found = await query(connection, `SELECT id, text FROM notes ${sql} ORDER BY id DESC LIMIT ?`, [
      ...values,
      rows,
    ])
    batches.push(found.length)
    return found as unknown as { readonly id: number; readonly text: string }[]
  })

/** The number of entries of each page of the list. */
async function sizes(limit: number): Promise<number[]> {
  batches = []
  const ids: number[] = []
  const pages: number[] = []
  for (let after: Cursor | undefined, isLast = false; !isLast; isLast = after === undefined) {
    const { entries, next } = await list(limit, after)
    pages.push(entries.length)
    ids.push(...entries.map(({ id }) => id))
    after = next
  }
  expect(ids).toEqual(ids.map((_, index) => ids.length - index))
  return pages
}

it.each([
  [1, 2, [1]],
  [2, 2, [2]],
  [3, 2, [2, 1]],
  [99, 99, [99]],
  [100, 100, [100]],
  [101, 100, [100, 1]],
  [250, 200, [200, 50]],
  [10_000, 10_000, [10_000]],
])('of %d short rows, %d at a time, the pages have %j', async (count, limit, expected) => {
  await store(count, 5)
  expect(await sizes(limit)).toEqual(expected)
})

it('a page of long rows ends early, and no more of them are read at a time than fit into memory', async () => {
  await store(250, 100_000)
  // The eleventh is the one with which the page has a megabyte.
  expect(await sizes(10_000)).toEqual([...Array.from({ length: 22 }, () => 11), 8])
  expect(Math.max(...batches)).toBe(100)
})

it('a page has an entry, however long it is', async () => {
  await store(2, 2_000_000)
  expect(await sizes(10_000)).toEqual([1, 1])
})
