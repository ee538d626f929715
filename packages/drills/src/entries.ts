import type { Workload } from './workload.ts'

/** A resource with the generated routes; see docs/make-it-yours.md. */
export interface Entries extends Pick<Workload, 'name' | 'table' | 'parents' | 'numberedRow'> {
  /**
   * The JSON that stores an entry.
   *
   * @param n from 1 up.
   * @param distinct a number below `count`, for a unique value: another one for each entry while there are any, most
   * likely also in another process. The lower half is for numbered rows.
   */
  entry(n: number, distinct: (count: number) => number): object
}

/** The workload of such a resource. The answer to a write has the millisecond that is stored. */
export function entriesWorkload({ entry, numberedRow, ...names }: Entries): Workload {
  const { name, table } = names
  const startedAt = Date.now()
  let n = 0
  const distinct = (count: number) => count - 1 - ((startedAt + n) % Math.ceil(count / 2))
  return {
    ...names,
    listPath: `/${name}?limit=10000`,
    newestPath: `/${name}?limit=20`,
    write() {
      n += 1
      return { method: 'POST', path: `/${name}`, json: entry(n, distinct) }
    },
    acknowledged({ status, body }) {
      const time = status === 201 ? Date.parse(JSON.parse(body).createdAt) : undefined
      return time === undefined ? undefined : { from: time, to: time }
    },
    listed({ status, body }) {
      const list: unknown = status === 200 ? JSON.parse(body) : undefined
      return Array.isArray(list) ? list.map(({ createdAt }) => Date.parse(createdAt)) : undefined
    },
    storedSince: (since) =>
      `SELECT 1000 * UNIX_TIMESTAMP(created_at) FROM ${table} WHERE created_at >= FROM_UNIXTIME(${since / 1000})`,
    numberedRow: {
      ...numberedRow,
      columns: `created_at, ${numberedRow.columns}`,
      values: `TIMESTAMPADD(SECOND, n, '2020-01-01'), ${numberedRow.values}`,
    },
    acknowledgeBeforeCommit: {
      file: 'apps/app/src/middleware/idempotency.ts',
      from: `const [answer, point] = await client.transaction(
        async (...given) => [await work(...given), await markCommit(given[0])] as const,
      )
      return sendAnswer(res, answer, point)`,
      to: `await client.transaction(async (...given) => {
        const answer = await work(...given)
        sendAnswer(res, answer, await markCommit(given[0]))
      })
      return`,
    },
  }
}
