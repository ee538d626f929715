import { chmod, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repositoryRoot } from '@repo/compose'
import type { Drill } from './drill.ts'
import { badRelease } from './drills/bad-release.ts'
import { crashWriter } from './drills/crash-writer.ts'
import { failover } from './drills/failover.ts'
import { freezeWriter } from './drills/freeze-writer.ts'
import { hostile } from './drills/hostile.ts'
import { killApp } from './drills/kill-app.ts'
import { killReader } from './drills/kill-reader.ts'
import { killWeb } from './drills/kill-web.ts'
import { lagReader } from './drills/lag-reader.ts'
import { operationsWith } from './drills/operations.ts'
import { overload } from './drills/overload.ts'
import { partition } from './drills/partition.ts'
import { readsFlood } from './drills/reads-flood.ts'
import { rejoin } from './drills/rejoin.ts'
import { restore } from './drills/restore.ts'
import { retry } from './drills/retry.ts'
import { rolling } from './drills/rolling.ts'
import { rotatePassword } from './drills/rotate-password.ts'
import { slowClients } from './drills/slow-clients.ts'
import { soak } from './drills/soak.ts'
import { staleReads } from './drills/stale-reads.ts'
import { trickle } from './drills/trickle.ts'
import { volumeLost } from './drills/volume-lost.ts'
import { databases } from './servers.ts'
import { commandPatch, type TestEnvironment } from './test-environment.ts'
import type { Environment, Patch, Workload } from './workload.ts'

/** How a service is broken. */
interface Breakage {
  readonly environment?: Environment
  /** Source files whose changed copies replace those of the image, each file once. */
  readonly patches?: readonly Patch[]
  /** Of its containers. @default as many as the product has */
  readonly replicas?: number
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

/** One changed file. */
const patch = (file: string, from: string, to: string): Breakage => ({ patches: [{ file, from, to }] })

const noDeadline: Breakage = { environment: { DB_DEADLINE_MS: '60000' } }

const twoWriters = patch(
  'docker/mysql/start.sh',
  'decide() {\n  if ',
  'decide() {\n  if [ "$role" = writer ] && [ -d "$data" ]; then\n' +
    '    [ "$mode" = writable ] || become_writable\n  elif ',
)

/** At least one for each drill. */
export const variantsOf = (workload: Workload): readonly Variant[] => [
  { name: 'one-app', drill: killApp, app: { replicas: 1 } },
  { name: 'one-web', drill: killWeb, web: { replicas: 1 } },
  {
    name: 'no-fallback',
    drill: killReader,
    app: patch(
      'packages/db/src/client/client.ts',
      'readerUnavailableUntil = performance.now() + 500\n      return fallBack()',
      'throw error',
    ),
  },
  {
    name: 'lag-ignored',
    drill: lagReader,
    app: patch('packages/db/src/client/client.ts', ' || replicaLag.ms() > options.readerLagLimitMs', ''),
  },
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
    app: patch(
      'packages/db/src/client/pool.ts',
      'if (broken) slot.connection.destroy()',
      'broken = slot.ended = false',
    ),
  },
  {
    name: 'semi-sync-off',
    drill: failover,
    sql: 'SET GLOBAL rpl_semi_sync_source_enabled = OFF',
  },
  { name: 'no-deadline', drill: freezeWriter, app: noDeadline },
  { name: 'no-deadline-without-a-network', drill: partition, app: noDeadline },
  {
    name: 'no-drain',
    drill: rolling,
    app: { environment: { DRAIN_DELAY_MS: '0' } },
    web: { environment: { DRAIN_SECONDS: '0' } },
  },
  {
    name: 'errors-ignored',
    drill: badRelease,
    command: {
      file: 'packages/ops/src/response-watch.ts',
      from: 'return present > 1.5 * former',
      to: 'return present > 2',
    },
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
    web: patch('apps/web/httpd.conf', 'max=128 acquire=10', 'acquire=10'),
  },
  { name: 'two-writers', drill: rejoin, databases: twoWriters },
  // A failover, and a start of the old writer.
  { name: 'two-writers-after-operations', drill: operationsWith(3, 2), databases: twoWriters },
  {
    name: 'empty-writer',
    drill: volumeLost,
    databases: patch(
      'docker/mysql/start.sh',
      'set_state waiting "This server is the current one of epoch $epoch, but its data is lost. $ask_failover"',
      'initialize "$data"; write_file "$data/epoch" "$epoch"',
    ),
  },
  {
    name: 'token-ignored',
    drill: staleReads,
    app: patch(
      'apps/app/src/middleware/consistency.ts',
      'return [{ connection, number: Number(number) }]',
      'return []',
    ),
  },
  {
    name: 'source-of-a-page-ignored',
    drill: staleReads,
    app: patch(
      'packages/db/src/client/consistency.ts',
      "'number' in point ? hasCommit(connection, point) : hasSeenAll(connection, point, isWriter)",
      "'number' in point ? hasCommit(connection, point) : true",
    ),
  },
  {
    name: 'keys-ignored',
    drill: retry,
    app: patch(
      'apps/app/src/http/router.ts',
      'const key = readKey(req, endpoint)',
      'readKey(req, endpoint); const key = undefined',
    ),
  },
  {
    name: 'slow-reads-use-connections-of-writes',
    drill: readsFlood,
    app: patch(
      'packages/db/src/client/client.ts',
      'writer.reads.use(deadline, async (connection) => {',
      "writer.writes.use(deadline, async (connection) => {\n        await query(connection, 'DO SLEEP(0.2)')",
    ),
  },
  {
    name: 'lists-in-memory',
    drill: slowClients,
    app: patch(
      'apps/app/src/http/send.ts',
      'await pipeline(counted(res, chunks), res)',
      'for await (const chunk of counted(res, chunks)) res.write(chunk)\n    res.end()',
    ),
  },
  {
    name: 'lists-take-all-places',
    drill: trickle,
    // Fewer places than clients of one instance.
    app: { environment: { ...workload.unboundedLists, IN_FLIGHT_LIMIT: '256' } },
    web: patch('apps/web/httpd.conf', 'RewriteRule ^ balancer://reads%1 [P,NE]', 'RewriteRule ^ -'),
  },
  {
    name: 'bad-requests-are-errors',
    drill: hostile,
    app: patch(
      'apps/app/src/http/problem.ts',
      'return { status: error.status, detail',
      'return { status: Math.max(500, error.status), detail',
    ),
  },
  {
    name: 'password-kept',
    drill: rotatePassword,
    app: patch(
      'apps/app/src/config.ts',
      'password: passwordSource(settings),',
      'password: ((password) => () => password)(passwordSource(settings)()),',
    ),
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
  {
    name: 'memory-leak',
    drill: soak,
    app: patch(
      'apps/app/src/app.ts',
      'app.use(requestLog(logger))',
      'app.use(requestLog(logger))\n  const kept: Buffer[] = []\n' +
        '  app.use((_req, _res, next) => next(void kept.push(Buffer.alloc(8192, 1))))',
    ),
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
    const { environment = {}, patches = [], replicas } = breakage ?? {}
    const volumes = await Promise.all(
      patches.map(async (patch) => {
        const copy = join(folder, basename(patch.file))
        await writeFile(copy, await patched(patch))
        await chmod(copy, 0o755)
        return `${copy}:${pathInImage(patch.file)}:ro`
      }),
    )
    if (breakage) services[service] = { environment, volumes, ...(replicas && { deploy: { replicas } }) }
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
