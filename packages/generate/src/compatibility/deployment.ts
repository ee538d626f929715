import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import {
  addContainer,
  docker,
  openProject,
  openTopology,
  type Project,
  removeContainer,
  testProject,
} from '@repo/compose'
import { type Check, durabilityChecks, noFailures } from '@repo/drills/drill.ts'
import { verifyDurability } from '@repo/drills/durability.ts'
import { openHttpClient } from '@repo/drills/http.ts'
import { type Attempt, startLoad } from '@repo/drills/load.ts'
import { parentInsertions } from '@repo/drills/rows.ts'
import type { Workload } from '@repo/drills/workload.ts'

/** How long the load runs after each step. */
const steadyMs = 3000

const name = 'compatibility'

/**
 * Deploys this checkout over the release before, in the order of a deployment, under a load of the workloads of the
 * release before: it starts on its own schema, goes on on the new one, and is replaced by this release.
 *
 * @param folder the checkout of the release before.
 * @returns the checks of each workload.
 * @throws when a step fails.
 */
export async function deployOver(folder: string, signal: AbortSignal): Promise<Check[]> {
  const workloads = await workloadsOf(folder)
  try {
    console.log('Starting the release before')
    await using topology = await openTopology({ name, folder, scale: { app: 1, web: 1 }, signal })
    const present = openProject({ name: topology.project, env: topology.env, signal })
    for (const statement of workloads.flatMap(parentInsertions)) await topology.sql('db-writer', statement)
    return await underLoad(topology, topology.url, workloads, async () => {
      console.log('Applying the new migrations')
      await migrate(present)
      await delay(steadyMs)
      console.log('Starting another instance of the release before on the new schema')
      await addContainer(topology, 'app')
      await delay(steadyMs)
      console.log('Applying the migrations of the release before, as a rollback does')
      await migrate(topology)
      console.log('Replacing the release before by this one')
      const former = await topology.containers('app')
      await present.compose('build', 'app')
      await addContainer(present, 'app')
      for (const id of former) await removeContainer(id)
      await delay(steadyMs)
    })
  } finally {
    // Those that lost their name to an image of the other release.
    const label = `label=com.docker.compose.project=${testProject(name)}`
    const images = await docker(['image', 'ls', '--quiet', '--no-trunc', '--filter', label])
    for (const id of new Set(images.split('\n').filter(Boolean))) await docker(['image', 'rm', id])
  }
}

async function workloadsOf(folder: string): Promise<readonly Workload[]> {
  const { workloads } = await import(pathToFileURL(join(folder, 'packages/drills/src/workloads/index.ts')).href)
  return workloads
}

async function migrate(project: Project): Promise<void> {
  await project.compose('build', 'db-init')
  await project.compose('run', '--rm', '--no-deps', '--no-TTY', 'db-init')
}

async function underLoad(
  project: Project,
  url: string,
  workloads: readonly Workload[],
  work: () => Promise<void>,
): Promise<Check[]> {
  const { send, close } = openHttpClient(url)
  const rates = { writesPerSecond: 20, readsPerSecond: 10 }
  const loads = workloads.map((workload) => ({ workload, load: startLoad({ send, workload, ...rates }) }))
  const stop = () => Promise.all(loads.map(({ load }) => load.stop()))
  try {
    await delay(steadyMs)
    await work()
    const attempts = await stop()
    const checks = loads.map(async ({ workload }, index) => {
      const judged = await judge(project, workload, attempts[index] ?? [])
      return judged.map((check) => ({ ...check, promise: `${workload.name}: ${check.promise}` }))
    })
    return (await Promise.all(checks)).flat()
  } finally {
    await stop()
    close()
  }
}

async function judge(project: Project, workload: Workload, attempts: readonly Attempt[]): Promise<Check[]> {
  const requests = noFailures('failed requests', attempts)
  // The rows may no longer be found either.
  if (!requests.ok) return [requests]
  const stored = await project.sql('db-writer', workload.storedSince(attempts[0]?.sentAt ?? 0))
  return [requests, ...durabilityChecks(verifyDurability(attempts, stored.split('\n').filter(Boolean).map(Number)))]
}
