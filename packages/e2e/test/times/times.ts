import { replicated } from '../resource.ts'
import { databases, topology } from '../topology.ts'

/** Removes all stored times. */
export const removeTimes = (): Promise<void> => replicated('TRUNCATE testdb.testtable; TRUNCATE testdb.time_counts')

/** The stored times of a database. */
export async function storedTimes(service: 'db-writer' | 'db-reader'): Promise<string[]> {
  return (await topology.sql(service, 'SELECT dt FROM testdb.testtable')).split('\n').filter(Boolean)
}

/** Stores `count` times, at most a million, one per second; the last is `endedSeconds` ago. */
export async function insertTimes(count: number, endedSeconds: number): Promise<void> {
  const insert = `SET sql_log_bin = OFF; INSERT INTO testdb.testtable (dt)
    WITH RECURSIVE digits AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM digits WHERE n < 999)
    SELECT UTC_TIMESTAMP() - INTERVAL (1000 * high.n + low.n + ${endedSeconds}) SECOND
    FROM digits high, digits low WHERE 1000 * high.n + low.n < ${count}
    ORDER BY high.n DESC, low.n DESC`
  // On each server by itself: a million rows take long to replicate.
  const onReader = `SET GLOBAL super_read_only = OFF; ${insert}; SET GLOBAL super_read_only = ON`
  await Promise.all(databases.map((database) => topology.sql(database, database === 'db-reader' ? onReader : insert)))
}
