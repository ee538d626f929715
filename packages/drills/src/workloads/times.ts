import type { Workload } from '../workload.ts'

const table = 'testdb.testtable'
const timePattern = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/
const hourOf2020 = (number: number) => new Date(Date.UTC(2020, 0, 1, number)).toISOString().replace('.000', '')
const startOfSecond = (text: string) => Date.parse(`${text.replace(' ', 'T')}Z`)

/** The times of visits. A row has the millisecond at which its request reached the app; answers show the second. */
export const times: Workload = {
  name: 'times',
  table,
  listPath: '/read',
  newestPath: '/read?limit=20&order=newest',
  summaryPath: (n) => `/stats?per=hour&from=${hourOf2020(-1 - (n % 256))}&to=${hourOf2020(743 + ((n >> 8) % 480))}`,
  write: () => ({ method: 'GET', path: '/write' }),
  acknowledged({ status, body }) {
    const time = body.slice('Saved: '.length)
    if ((status !== 200 && status !== 201) || !body.startsWith('Saved: ') || !timePattern.test(time)) return undefined
    return { from: startOfSecond(time), to: startOfSecond(time) + 999 }
  },
  listed({ status, body }) {
    const list: unknown = status === 200 ? JSON.parse(body) : undefined
    const valid = Array.isArray(list) && list.every((time) => timePattern.test(time))
    return valid ? list.map((time) => startOfSecond(time) + 999) : undefined
  },
  storedSince: (since) => `SELECT 1000 * UNIX_TIMESTAMP(dt) FROM ${table} WHERE dt >= FROM_UNIXTIME(${since / 1000})`,
  numberedRow: { columns: 'dt', values: "TIMESTAMPADD(SECOND, n, '2020-01-01')" },
  counts: {
    ...{ table: 'testdb.time_counts', generation: 'SELECT generation FROM testdb.time_counting' },
    ...{ counted: '@times_counted', seconds: { minute: 60, hour: 3600, day: 86_400 } },
  },
  smallBatches: { SAVE_BATCH_LIMIT: '2' },
  unboundedQueue: { SAVE_QUEUE_LIMIT: '100000' },
  unboundedLists: { LIST_LIMIT: '100000' },
  acknowledgeBeforeCommit: {
    file: 'apps/app/src/resources/times/write-batcher.ts',
    from: 'if (inFlight < concurrency) void sendNext()',
    to: 'resolve(); if (inFlight < concurrency) void sendNext()',
  },
}
