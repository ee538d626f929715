import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '@repo/compose'
import { expect } from 'vitest'
import { succeeded } from './command.ts'
import { run } from './operations.ts'
import { countRows, list, resource, store } from './resource.ts'
import { topology } from './topology.ts'

/** The backups of this test file, which removes it. */
export const folder: string = await mkdtemp(join(tmpdir(), 'backups-'))

/** A file in it. */
export const file = (name: string): string => join(folder, name)

/** Runs `npm run backup`. */
export const backUp = async (name: string): Promise<void> =>
  expect(await run('backup.ts', file(name))).toEqual(succeeded)

/** Stores rows, each acknowledged. @returns the `Consistency-Token` of the last. */
export async function write(count: number): Promise<string> {
  let token = ''
  for (let each = 0; each < count; each += 1) token = await store()
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
  topology.sql(service, `SET foreign_key_checks = 0; DROP TABLE ${resource().table}`)

/** Both servers and the app have so many rows, without a restart of the app. */
export async function expectRows(count: number): Promise<void> {
  for (const service of ['db-writer', 'db-reader'] as const) {
    await waitFor(`${count} rows on ${service}`, async () => (await countRows(service)) === count)
  }
  await waitFor('the app to list them', async () => resource().listed(await list())?.length === count)
}
