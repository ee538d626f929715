import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { git, openTopology, repositoryRoot } from '@repo/compose'
import { createBench } from './bench.ts'
import { plannedSeconds } from './budget.ts'
import { chart } from './chart.ts'
import { full, quick } from './plan.ts'
import { toResults } from './results.ts'
import { type About, keepRun } from './results-file.ts'
import { run } from './run.ts'
import { formatLatencies, formatTable } from './table.ts'
import { openUsage } from './usage.ts'

/** `npm run bench`, or `npm run bench -- --quick` in at most three minutes. */
async function main(isQuick: boolean): Promise<void> {
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interruption.abort(new Error('interrupted')))
  }

  const plan = isQuick ? quick : full
  report(`this takes about ${Math.ceil((await plannedSeconds(plan)) / 60)} minutes on two cores`)
  report('building and starting the topology and the candidates')
  await using topology = await openTopology({
    name: 'bench',
    env: { COMPOSE_FILE: 'compose.yaml:packages/bench/compose.yaml', COMPOSE_PATH_SEPARATOR: ':' },
    signal: interruption.signal,
  })
  const bench = createBench(topology, await openUsage(topology), interruption.signal)
  const samples = await run(bench, plan, report)
  console.log(`\n${formatTable(samples)}\n`)
  if (!isQuick) console.log(`${formatLatencies(samples)}\n`)
  for (const [work, ratios] of Object.entries(toResults(samples))) console.log(work.padEnd(13), JSON.stringify(ratios))
  // Both are committed after a full run: the documents quote them.
  await keepRun(samples, about(isQuick))
  const svg = isQuick ? 'packages/bench/results/latest.svg' : 'docs/benchmark.svg'
  await writeFile(join(repositoryRoot, svg), chart(samples))
  report('removing the containers')
}

/** The commit and the machine. */
function about(isQuick: boolean): About {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    quick: isQuick,
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

main(process.argv.includes('--quick')).catch((error: unknown) => {
  console.error(`✗ ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
