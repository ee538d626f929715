import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { docker, openTopology, repositoryRoot, services, type Topology } from '@repo/compose'
import { describeIdle, formatServices, type Idle, type IdleTopology, toIdleGroup, withTable } from './idle-results.ts'
import { mergeResults } from './results-file.ts'
import { rounded } from './statistics.ts'
import { engineSocket, readContainer } from './usage.ts'

/** After the start, the servers write to their disks and the balancers find their targets. */
const settleMs = 60_000
const measureMs = 60_000

/** `npm run idle`: what the topology uses at rest, complete and light, and how long it takes to start. */
async function main(): Promise<void> {
  const busyBefore = await busyPercent(10_000)
  const light = await measure('compose.yaml', 'compose.light.yaml')
  const complete = await measure('compose.yaml')
  const idle: Idle = {
    about: { date: new Date().toISOString(), cpus: availableParallelism(), cpu: cpus()[0]?.model.trim() ?? 'unknown' },
    busyBefore,
    complete,
    light,
  }
  console.log(`\n${formatServices(complete)}\n\n--light\n${formatServices(light)}\n\n${describeIdle(idle)}`)
  // All three are committed after a run on a quiet machine.
  await writeFile(join(repositoryRoot, 'packages/bench/results/idle.json'), `${JSON.stringify(idle, null, 2)}\n`)
  await mergeResults({ idle: toIdleGroup(idle) })
  const readme = join(repositoryRoot, 'README.md')
  await writeFile(readme, withTable(await readFile(readme, 'utf8'), describeIdle(idle)))
}

async function measure(...files: string[]): Promise<IdleTopology> {
  console.log(`${files.join(', ')}: building and starting`)
  await using topology = await openTopology({ name: 'idle', env: { COMPOSE_FILE: files.join(delimiter) } })
  await topology.compose('down', '--volumes')
  const buildSeconds = await secondsOf(() => topology.compose('build', '--no-cache'))
  const startSeconds = await secondsOf(() => topology.up())
  console.log(`${files}: at rest`)
  await delay(settleMs)
  const before = await readServices(topology)
  const machinePercent = await busyPercent(measureMs)
  const after = await readServices(topology)
  const running = services.filter((service) => after[service]?.instances)
  return {
    buildSeconds,
    startSeconds,
    imagesMiB: await imagesMiB(topology),
    machinePercent,
    services: Object.fromEntries(
      running.map((service) => {
        const { instances = 0, memoryMiB = 0, cpuSeconds = 0 } = after[service] ?? {}
        const used = cpuSeconds - (before[service]?.cpuSeconds ?? 0)
        return [
          service,
          { instances, memoryMiB: rounded(memoryMiB), cpuPercent: rounded((100 * used) / (measureMs / 1000)) },
        ]
      }),
    ),
  }
}

async function readServices(topology: Topology) {
  const socket = await engineSocket()
  const readings = services.map(async (service) => {
    const each = await Promise.all((await topology.containers(service)).map((id) => readContainer(socket, id)))
    const sum = (name: 'cpuSeconds' | 'memoryMiB') => each.reduce((total, reading) => total + reading[name], 0)
    return [service, { instances: each.length, cpuSeconds: sum('cpuSeconds'), memoryMiB: sum('memoryMiB') }] as const
  })
  return Object.fromEntries(await Promise.all(readings))
}

/** Of the different images of the topology; layers that two share count twice. */
async function imagesMiB(topology: Topology): Promise<number> {
  const names = (await topology.compose('config', '--images')).trim().split('\n')
  const listed = await docker(['image', 'inspect', '--format', '{{json .RootFS.Layers}} {{.Size}}', ...names])
  const sizes = new Map(listed.split('\n').map((line) => line.split(' ') as [string, string]))
  return Math.round([...sizes.values()].reduce((total, size) => total + Number(size), 0) / 1024 / 1024)
}

/** How busy all processors of this machine are, the engine and its health checks included. */
async function busyPercent(durationMs: number): Promise<number> {
  const sum = () => {
    const times = cpus().map((cpu) => cpu.times)
    const idle = times.reduce((total, time) => total + time.idle, 0)
    return { idle, all: times.reduce((total, time) => total + Object.values(time).reduce((a, b) => a + b, 0), 0) }
  }
  const before = sum()
  await delay(durationMs)
  const after = sum()
  return rounded(100 * (1 - (after.idle - before.idle) / (after.all - before.all)))
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return Math.round((performance.now() - startedAt) / 1000)
}

await main()
