import { chmod, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repositoryRoot } from '@repo/compose'
import type { Drill } from './drill.ts'
import { crashWriter } from './drills/crash-writer.ts'
import { failover } from './drills/failover.ts'
import { operationsWith } from './drills/operations.ts'
import { overload } from './drills/overload.ts'
import { readsFlood } from './drills/reads-flood.ts'
import { rejoin } from './drills/rejoin.ts'
import { restore } from './drills/restore.ts'
import { retry } from './drills/retry.ts'
import { rolling } from './drills/rolling.ts'
import { staleReads } from './drills/stale-reads.ts'
import { trickle } from './drills/trickle.ts'
import { volumeLost } from './drills/volume-lost.ts'
import { databases } from './servers.ts'
import { commandPatch, type TestEnvironment } from './test-environment.ts'
import type { Environment, Patch, Workload } from './workload.ts'

/** How a service is broken. */
interface Breakage {
  readonly environment?: Environment
  /** Source files whose changed copies replace those of the image. */
  readonly patches?: readonly Patch[]
}

/** A product that breaks a promise, and the drill that must detect it. */
export interface Variant {
  readonly name: string
  readonly drill: Drill
  readonly app?: Breakage
  readonly web?: Breakage
  /** Of both servers. */
  readonly databases?: Breakage
  /** A changed file of packages/ops, for the operator's commands. */
  readonly command?: Patch
  /** Runs as root on the writer. */
  readonly sql?: string
}

const twoWriters: Breakage = {
  patches: [
    {
      file: 'docker/mysql/start.sh',
      from: 'decide() {\n  if ',
      to:
        'decide() {\n  if [ "$role" = writer ] && [ -d "$data" ]; then\n' +
        '    [ "$mode" = writable ] || become_writable\n  elif ',
    },
  ],
}

/** One for each group of drills: storing, draining, overload, replication, one writer, lost data, keys, tokens, restoring. */
export const variantsOf = (workload: Workload): readonly Variant[] => [
  ...(workload.acknowledgeBeforeCommit
    ? [
        {
          name: 'acknowledge-before-commit',
          drill: crashWriter,
          app: { patches: [workload.acknowledgeBeforeCommit] },
        },
      ]
    : []),
  {
    name: 'no-eviction',
    drill: failover,
    app: {
      patches: [
        {
          file: 'packages/db/src/client/pool.ts',
          from: 'if (broken) slot.connection.destroy()',
          to: 'broken = slot.ended = false',
        },
      ],
    },
  },
  {
    name: 'no-drain',
    drill: rolling,
    app: { environment: { DRAIN_DELAY_MS: '0' } },
    web: { environment: { DRAIN_SECONDS: '0' } },
  },
  {
    name: 'unbounded-queue',
    drill: overload,
    app: {
      environment: {
        IN_FLIGHT_LIMIT: '100000',
        EVENT_LOOP_DELAY_LIMIT_MS: '60000',
        DB_DEADLINE_MS: '60000',
        ...workload.unboundedQueue,
      },
    },
    web: { patches: [{ file: 'apps/web/httpd.conf', from: ' max=128 acquire=10', to: '' }] },
  },
  {
    name: 'semi-sync-off',
    drill: failover,
    sql: 'SET GLOBAL rpl_semi_sync_source_enabled = OFF',
  },
  {
    name: 'two-writers',
    drill: rejoin,
    databases: twoWriters,
  },
  {
    name: 'two-writers-after-operations',
    // A failover, and a start of the old writer.
    drill: operationsWith(3, 2),
    databases: twoWriters,
  },
  {
    name: 'empty-writer',
    drill: volumeLost,
    databases: {
      patches: [
        {
          file: 'docker/mysql/start.sh',
          from: 'set_state waiting "This server is the current one of epoch $epoch, but its data is lost. $ask_failover"',
          to: 'initialize "$data"; write_file "$data/epoch" "$epoch"',
        },
      ],
    },
  },
  {
    name: 'token-ignored',
    drill: staleReads,
    app: {
      patches: [
        {
          file: 'apps/app/src/middleware/consistency.ts',
          from: 'return [{ connection, number: Number(number) }]',
          to: 'return []',
        },
      ],
    },
  },
  {
    name: 'source-of-a-page-ignored',
    drill: staleReads,
    app: {
      patches: [
        {
          file: 'packages/db/src/client/consistency.ts',
          from: "'number' in point ? hasCommit(connection, point) : hasSeenAll(connection, point, isWriter)",
          to: "'number' in point ? hasCommit(connection, point) : true",
        },
      ],
    },
  },
  {
    name: 'keys-ignored',
    drill: retry,
    app: {
      patches: [
        {
          file: 'apps/app/src/http/router.ts',
          from: 'const key = readKey(req, endpoint)',
          to: 'readKey(req, endpoint); const key = undefined',
        },
      ],
    },
  },
  {
    name: 'reads-use-connections-of-writes',
    drill: readsFlood,
    app: {
      patches: [
        {
          file: 'packages/db/src/client/client.ts',
          from: 'const pool = slow ? endpoint.slowReads : endpoint.reads',
          to: 'const pool = endpoint === writer ? writer.writes : endpoint.reads',
        },
      ],
    },
  },
  {
    name: 'lists-take-all-places',
    drill: trickle,
    app: { environment: workload.unboundedLists ?? {} },
    web: {
      patches: [
        { file: 'apps/web/httpd.conf', from: 'RewriteRule ^ balancer://reads%1 [P,NE]', to: 'RewriteRule ^ -' },
      ],
    },
  },
  {
    name: 'restore-too-early',
    drill: restore,
    command: {
      file: 'packages/ops/src/binary-log.ts',
      from: 'committedAt(event) >= time * 1000',
      to: 'committedAt(event) >= (time - 2000) * 1000',
    },
  },
]

/** Replaces the product by the variant; {@link TestEnvironment.variant} without text removes it. */
export async function applyVariant({ topology, folder, variant }: TestEnvironment, broken: Variant): Promise<void> {
  const services: Record<string, object> = {}
  const breakages = {
    app: broken.app,
    web: broken.web,
    ...Object.fromEntries(databases.map((name) => [name, broken.databases])),
  }
  for (const [service, breakage] of Object.entries(breakages)) {
    const { environment = {}, patches = [] } = breakage ?? {}
    const volumes = await Promise.all(
      patches.map(async (patch) => {
        const copy = join(folder, basename(patch.file))
        await writeFile(copy, await patched(patch))
        await chmod(copy, 0o755)
        return `${copy}:${pathInImage(patch.file)}:ro`
      }),
    )
    if (breakage) services[service] = { environment, volumes }
  }
  const changed = Object.keys(services)
  if (changed.length > 0) await variant(JSON.stringify({ services }), ...changed)
  if (broken.command) await writeFile(join(folder, commandPatch), await loadHook(broken.command))
  if (broken.sql) await topology.sql('db-writer', broken.sql)
}

/** A module that makes Node load the changed file in place of the original. */
async function loadHook(patch: Patch): Promise<string> {
  const url = pathToFileURL(join(repositoryRoot, patch.file)).href
  const result = { format: 'module-typescript', source: await patched(patch), shortCircuit: true }
  return `import { registerHooks } from 'node:module'
registerHooks({
  load: (url, context, next) => (url === ${JSON.stringify(url)} ? ${JSON.stringify(result)} : next(url, context)),
})
`
}

/** The file's text with the change. @throws if the file does not contain exactly once what is to change. */
export async function patched({ file, from, to }: Patch): Promise<string> {
  const source = await readFile(join(repositoryRoot, file), 'utf8')
  if (source.split(from).length !== 2) throw new Error(`${file} must contain exactly once: ${from}`)
  return source.replace(from, () => to)
}

/** The web image has its files in a folder of its own, the databases' their scripts, the app image the repository's paths. */
const pathInImage = (file: string) =>
  file.startsWith('docker/mysql/') ? `/usr/local/bin/${basename(file)}` : `/srv/${file.replace(/^apps\/web\//, 'web/')}`
