import {
  createDatabaseClient,
  type DatabaseClient,
  type DatabaseClientOptions,
  DatabaseOverloaded,
  DatabaseUnavailable,
} from '@repo/db'
import { startMigrated } from '@repo/db/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Page, PageQuery } from './page-reader.ts'
import { createTimesRepository, type TimesRepository, type TimesRepositoryOptions } from './repository.ts'

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let options: DatabaseClientOptions
let table: string
let client: DatabaseClient
let repository: TimesRepository

beforeAll(async () => {
  ;({ mysql, options, table } = await startMigrated())
  client = createDatabaseClient(options)
  repository = createTimesRepository(client, { table, batchLimit: 1000, queueLimit: 4000 })
})

afterAll(async () => {
  await repository?.close()
  await client?.close()
  await mysql?.[Symbol.asyncDispose]()
})

beforeEach(() => mysql.sql(`TRUNCATE ${table}`))

const commits = async () => Number((await mysql.sql("SHOW GLOBAL STATUS LIKE 'Com_commit'")).split('\t')[1])

const times = (count: number, from = Date.UTC(2026, 0, 1)) =>
  Array.from({ length: count }, (_, at) => new Date(from + at * 1000))

const page = (query: Omit<PageQuery, 'template'>) => repository.page({ ...query, template: { prefix: '', suffix: '' } })
const timesOf = (page: Page) => page.text.toString().match(/.{19}/g) ?? []

/** Runs `work` with a repository of its own. */
async function withRepository(
  changes: Partial<DatabaseClientOptions & TimesRepositoryOptions>,
  work: (repository: TimesRepository, client: DatabaseClient) => Promise<void>,
): Promise<void> {
  const own = createDatabaseClient({ ...options, ...changes })
  const ownRepository = createTimesRepository(own, { table, batchLimit: 1000, queueLimit: 4000, ...changes })
  try {
    await work(ownRepository, own)
  } finally {
    await ownRepository.close()
    await own.close()
  }
}

describe('save and page', () => {
  it('gives an empty page when nothing is stored', async () => {
    expect(await page({ limit: 10 })).toEqual({ text: Buffer.alloc(0), next: undefined })
  })

  it('stores the time in UTC, cut to the second in the list', async () => {
    await repository.save(new Date('2026-11-22T09:33:53.999Z'))
    expect(timesOf(await page({ limit: 10 }))).toEqual(['2026-11-22 09:33:53'])
  })

  it('writes the template around each time', async () => {
    for (const time of times(2)) await repository.save(time)
    const { text } = await repository.page({ limit: 10, template: { prefix: ',<', suffix: '>' } })
    expect(text.toString()).toBe(',<2026-01-01 00:00:00>,<2026-01-01 00:00:01>')
  })

  it('gives concurrent calls with different templates a page each', async () => {
    await repository.save(new Date('2026-11-22T09:33:53Z'))
    const pages = await Promise.all(
      ['<', '>', '<'].map((prefix) => repository.page({ limit: 10, template: { prefix, suffix: '' } })),
    )
    expect(pages.map(({ text }) => text.toString())).toEqual(
      ['<', '>', '<'].map((each) => `${each}2026-11-22 09:33:53`),
    )
  })

  it('lists the oldest first, whatever the order of storing', async () => {
    for (const second of [30, 10, 20]) await repository.save(new Date(Date.UTC(2026, 0, 1, 0, 0, second)))
    expect(timesOf(await page({ limit: 10 }))).toEqual([
      '2026-01-01 00:00:10',
      '2026-01-01 00:00:20',
      '2026-01-01 00:00:30',
    ])
  })

  it('pages through all times without a gap or a duplicate, equal times included', async () => {
    const sameTime = Array.from({ length: 50 }, () => new Date(Date.UTC(2026, 0, 1)))
    await Promise.all([...sameTime, ...times(50)].map((time) => repository.save(time)))
    const ids: string[] = []
    const listed: string[] = []
    for (let part = await page({ limit: 7 }); ; part = await page({ limit: 7, after: part.next })) {
      listed.push(...timesOf(part))
      if (part.next === undefined) break
      ids.push(`${part.next.dt} ${part.next.id}`)
    }
    expect(listed).toHaveLength(100)
    expect(listed).toEqual([...listed].sort())
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has no next page when the page ends with the last row', async () => {
    for (const time of times(3)) await repository.save(time)
    expect((await page({ limit: 3 })).next).toBeUndefined()
    expect((await page({ limit: 2 })).next).toMatchObject({ dt: '2026-01-01 00:00:01.000' })
  })

  it('lists the newest first when asked to, without a gap or a duplicate, equal times included', async () => {
    const sameTime = Array.from({ length: 20 }, () => new Date(Date.UTC(2026, 0, 1)))
    await Promise.all([...sameTime, ...times(20)].map((time) => repository.save(time)))
    const oldestFirst = timesOf(await page({ limit: 100 }))
    const listed: string[] = []
    let part = await page({ limit: 7, order: 'newest' })
    for (; part.next; part = await page({ limit: 7, after: part.next, order: 'newest' })) listed.push(...timesOf(part))
    listed.push(...timesOf(part))
    expect(listed).toEqual(oldestFirst.reverse())
  })

  it('stores each of many concurrent times exactly once, in few transactions', async () => {
    const before = await commits()
    await Promise.all(times(500).map((time) => repository.save(time)))
    const after = await commits()
    const listed = timesOf(await page({ limit: 1000 }))
    expect(listed).toHaveLength(500)
    expect(new Set(listed).size).toBe(500)
    expect(after - before).toBeLessThan(20)
  })

  it('gives every time a transaction of its own when batching is off', () =>
    withRepository({ batchLimit: 1 }, async (single) => {
      const before = await commits()
      await Promise.all(times(20).map((time) => single.save(time)))
      expect((await commits()) - before).toBe(20)
    }))

  it('refuses at once a save above the limit of the queue', () =>
    withRepository({ queueLimit: 5, batchLimit: 2 }, async (narrow) => {
      const outcomes = await Promise.allSettled(times(50).map((time) => narrow.save(time)))
      const reasons = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason)
      expect(reasons.length).toBeGreaterThan(0)
      for (const reason of reasons) expect(reason).toBeInstanceOf(DatabaseOverloaded)
    }))

  it('settles every save before it is closed', async () => {
    await withRepository({}, async (closing) => {
      const saves = Promise.allSettled(times(100).map((time) => closing.save(time)))
      await closing.close()
      expect(closing.waiting()).toBe(0)
      expect((await saves).map(({ status }) => status)).toEqual(Array(100).fill('fulfilled'))
    })
    expect(timesOf(await page({ limit: 1000 }))).toHaveLength(100)
  })
})

describe('newest', () => {
  it('is 0 when nothing is stored, then the id of the newest row', async () => {
    expect(await repository.newest()).toBe(0)
    for (const time of times(3)) await repository.save(time)
    expect(await repository.newest()).toBe(3)
  })

  it('is found while the reader is unavailable, where a read would find it', () =>
    withRepository({ reader: { host: '127.0.0.2', port: 1 } }, async (halved) => {
      await halved.save(new Date())
      await vi.waitFor(async () => expect(await halved.newest()).toBe(1), 300_000)
      expect(timesOf(await halved.page({ limit: 1, template: { prefix: '', suffix: '' } }))).toHaveLength(1)
    }))

  it('fails when both endpoints are unavailable', () =>
    withRepository(
      { reader: { host: '127.0.0.2', port: 1 }, writer: { host: '127.0.0.2', port: 1 } },
      async (cutOff) => {
        await expect(cutOff.newest()).rejects.toBeInstanceOf(DatabaseUnavailable)
      },
    ))
})
