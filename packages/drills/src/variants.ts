import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import type { Arena } from './arena.ts'
import type { Drill } from './drill.ts'
import { crashWriter } from './drills/crash-writer.ts'
import { failover } from './drills/failover.ts'
import { overload } from './drills/overload.ts'
import { rolling } from './drills/rolling.ts'

/** A product that breaks a promise, and the drill that has to notice. */
export interface Variant {
  readonly name: string
  readonly drill: Drill
  /** Puts the broken product in place; {@link Arena.variant} without text takes it away. */
  apply(arena: Arena): Promise<void>
}

/** One for each group of drills: what is stored, connections, draining, overload, replication. */
export const variants: readonly Variant[] = [
  {
    name: 'acknowledge-before-commit',
    drill: crashWriter,
    apply: (arena) =>
      patch(
        arena,
        'apps/app/src/resources/times/write-batcher.ts',
        'if (inFlight < concurrency) void sendNext()',
        'resolve(); if (inFlight < concurrency) void sendNext()',
      ),
  },
  {
    name: 'no-eviction',
    drill: failover,
    apply: (arena) =>
      patch(
        arena,
        'packages/db/src/client/pool.ts',
        'if (broken) slot.connection.destroy()\n      else release(slot)',
        'release(slot)',
      ),
  },
  {
    name: 'no-drain',
    drill: rolling,
    apply: (arena) =>
      arena.variant(
        'services: { app: { environment: { DRAIN_DELAY_MS: 0 } }, web: { environment: { DRAIN_SECONDS: 0 } } }\n',
        'app',
        'web',
      ),
  },
  {
    name: 'unbounded-queue',
    drill: overload,
    apply: async (arena) => {
      const httpd = await changed(arena, 'apps/web/httpd.conf', ' max=128 acquire=10', '')
      const limits =
        'IN_FLIGHT_LIMIT: 100000, EVENT_LOOP_DELAY_LIMIT_MS: 60000, SAVE_QUEUE_LIMIT: 100000, DB_DEADLINE_MS: 60000'
      await arena.variant(
        `services: { app: { environment: { ${limits} } }, web: { volumes: ['${httpd}:/srv/web/httpd.conf:ro'] } }\n`,
        'app',
        'web',
      )
    },
  },
  {
    name: 'semi-sync-off',
    drill: failover,
    apply: async (arena) => void (await arena.stack.sql('db-writer', 'SET GLOBAL rpl_semi_sync_source_enabled = OFF')),
  },
]

/** Puts a changed copy of a source file over the app image's own. */
async function patch(arena: Arena, file: string, from: string, to: string): Promise<void> {
  const copy = await changed(arena, file, from, to)
  await arena.variant(`services: { app: { volumes: ['${copy}:/srv/${file}:ro'] } }\n`, 'app')
}

/** The path of a changed copy. @throws when the file no longer has what is changed. */
async function changed(arena: Arena, file: string, from: string, to: string): Promise<string> {
  const source = await readFile(join(repositoryRoot, file), 'utf8')
  if (source.split(from).length !== 2) throw new Error(`${file}: expected once: ${from}`)
  const copy = join(arena.folder, basename(file))
  await writeFile(
    copy,
    source.replace(from, () => to),
  )
  return copy
}
