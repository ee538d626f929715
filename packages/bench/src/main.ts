import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { docker, git, openTopology, repositoryRoot, type Topology } from '@repo/compose'
import { createBench } from './bench.ts'
import { plannedSeconds } from './budget.ts'
import { formatKnees, type Limit, measureCapacity, verifyPredictions } from './capacity.ts'
import { chart } from './chart.ts'
import { largeSizes, measureStats } from './large.ts'
import { full, quick } from './plan.ts'
import { toResults } from './results.ts'
import { type About, keepRun, mergeResults } from './results-file.ts'
import { run } from './run.ts'
import { formatLatencies, formatTable } from './table.ts'
import { openUsage } from './usage.ts'

/**
 * `npm run bench`, or `npm run bench -- --quick` in at most three minutes.
 * `npm run bench -- --large` instead measures the counts of large tables, `npm run capacity` (`--capacity`) the capacity of
 * the composed topology, planned for five minutes.
 */
async function main(args: readonly string[]): Promise<void> {
  const options = {
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    capacity: { type: 'boolean', default: false },
  } as const
  const { values } = parseArgs({ args: [...args], options })
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interruption.abort(new Error('interrupted')))
  }
  const isComparison = !values.large && !values.capacity
  if (isComparison) {
    const seconds = await plannedSeconds(values.quick ? quick : full)
    report(`this takes about ${Math.ceil(seconds / 60)} minutes on two cores`)
  }
  report('building and starting the topology and the candidates')
  await using topology = await openTopology({
    name: 'bench',
    env: { COMPOSE_FILE: ['compose.yaml', 'packages/bench/compose.yaml'].join(delimiter) },
    services: isComparison ? [] : ['alb', 'load'],
    signal: interruption.signal,
  })
  if (values.large) await measureLarge(topology, interruption.signal)
  else if (values.capacity) await predictCapacity(topology, interruption.signal)
  else await compare(topology, interruption.signal, values.quick)
  report('removing the containers')
}

async function compare(topology: Topology, signal: AbortSignal, isQuick: boolean): Promise<void> {
  const bench = createBench(topology, await openUsage(topology), signal)
  const samples = await run(bench, isQuick ? quick : full, report)
  console.log(`\n${formatTable(samples)}\n`)
  if (!isQuick) console.log(`${formatLatencies(samples)}\n`)
  for (const [work, ratios] of Object.entries(toResults(samples))) console.log(work.padEnd(13), JSON.stringify(ratios))
  // Both are committed after a full run: the documents quote them.
  await keepRun(samples, { ...about(), quick: isQuick })
  const svg = isQuick ? 'packages/bench/results/latest.svg' : 'docs/benchmark.svg'
  await writeFile(join(repositoryRoot, svg), chart(samples))
}

async function measureLarge(topology: Topology, signal: AbortSignal): Promise<void> {
  const figures = await measureStats(topology, largeSizes, signal, report)
  await mergeResults({ stats: { ...about(), ...figures } })
}

async function predictCapacity(topology: Topology, signal: AbortSignal): Promise<void> {
  const withUsage = await openUsage(topology)
  const bench = createBench(topology, withUsage, signal)
  const capacity = await measureCapacity(bench, withUsage, limitOf(topology), report)
  console.log(`\n${formatKnees(capacity)}\n`)
  verifyPredictions(capacity)
  // docs/capacity.md quotes it.
  await mergeResults({ capacity: { ...about(), ...capacity } })
}

const limitOf =
  (topology: Topology): Limit =>
  async (tier, cpus) => {
    const instances = await topology.containers(tier)
    await docker(['update', '--cpus', String(cpus), ...instances])
    return instances.length
  }

/** The commit and the machine. */
function about(): Omit<About, 'quick'> {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
  }
}

function commit(): string {
  try {
    return git('describe', '--always', '--abbrev=40', '--dirty').trim()
  } catch {
    return 'unknown'
  }
}

function report(line: string): void {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`✗ ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
