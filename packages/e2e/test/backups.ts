import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '@repo/compose'
import { expect } from 'vitest'
import { run } from './operations.ts'
import { storedTimes } from './times.ts'
import { topology } from './topology.ts'

/** The backups of this test file, which removes it. */
export const folder: string = await mkdtemp(join(tmpdir(), 'backups-'))

/** A file in it. */
export const file = (name: string): string => join(folder, name)

/** Runs `npm run backup`. */
export const backUp = async (name: string): Promise<void> =>
  expect(await run('backup.ts', file(name))).toMatchObject({ code: 0 })

/** Stores times, each acknowledged. @returns the `Consistency-Token` of the last. */
export async function write(count: number): Promise<string> {
  let token = ''
  for (let each = 0; each < count; each += 1) {
    const response = await fetch(`${topology.url}/write`, { method: 'POST' })
    expect(response.status).toBe(201)
    token = response.headers.get('consistency-token') ?? ''
  }
  return token
}

/** The next second that begins after what was acknowledged so far; returns when it is over. */
export async function secondAfterThis(): Promise<string> {
  const time = Math.floor(Date.now() / 1000) * 1000 + 1000
  await delay(time + 1000 - Date.now())
  return new Date(time).toISOString().replace('.000Z', 'Z')
}

/** The mistake that a restore is for. */
export const dropTable = (service: 'db-writer' | 'db-reader' = 'db-writer'): Promise<string> =>
  topology.sql(service, 'DROP TABLE testdb.testtable')

/** Both servers and the app have so many times, without a restart of the app. */
export async function expectTimes(count: number): Promise<void> {
  for (const service of ['db-writer', 'db-reader'] as const) {
    await waitFor(`${count} times on ${service}`, async () => (await storedTimes(service)).length === count)
  }
  await waitFor('the app to list them', async () => {
    const response = await fetch(`${topology.url}/read`)
    return response.ok && ((await response.json()) as string[]).length === count
  })
}
