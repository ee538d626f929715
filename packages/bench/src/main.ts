import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openStack, repositoryRoot, type Stack } from '@repo/compose'
import { createBench } from './bench.ts'
import { picture } from './picture.ts'
import { full, quick } from './plan.ts'
import { toResults } from './results.ts'
import { run } from './run.ts'
import type { Sample } from './samples.ts'
import { table } from './table.ts'
import { openWatch } from './usage.ts'

/** `npm run bench`, or `npm run bench -- --quick` in under three minutes. */
async function main(isQuick: boolean): Promise<void> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error('interrupted')))
  })
  // Until it is raced, below.
  interrupted.catch(() => {})

  report('building and starting the topology and the contestants')
  await using stack = await openStack({
    project: 'three-tier-bench',
    // None is published.
    port: 0,
    env: { COMPOSE_FILE: 'compose.yaml:packages/bench/compose.yaml', COMPOSE_PATH_SEPARATOR: ':' },
  })
  const samples = await Promise.race([measure(stack, isQuick), interrupted])
  const results = { about: await about(isQuick), ...toResults(samples) }
  console.log(`\n${table(samples)}\n`)
  for (const [work, ratios] of Object.entries(results)) {
    if (work !== 'samples') console.log(work.padEnd(13), JSON.stringify(ratios))
  }
  // Both are committed after a full run, so that what the documents say can be looked up.
  await save('packages/bench/results/latest.json', `${JSON.stringify(results, null, 2)}\n`)
  await save(isQuick ? 'packages/bench/results/latest.svg' : 'docs/benchmark.svg', picture(samples))
  report('removing the containers')
}

/** What a figure means nothing without. */
async function about(isQuick: boolean): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--abbrev=40', '--dirty'], {
    cwd: repositoryRoot,
  }).catch(() => ({ stdout: 'unknown' }))
  return {
    date: new Date().toISOString(),
    commit: stdout.trim(),
    quick: isQuick,
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
  }
}

async function measure(stack: Stack, isQuick: boolean): Promise<Sample[]> {
  return run(createBench(stack, await openWatch(stack)), isQuick ? quick : full, report)
}

async function save(path: string, text: string): Promise<void> {
  const file = join(repositoryRoot, path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
}

function report(line: string): void {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`)
}

main(process.argv.includes('--quick')).catch((error: unknown) => {
  console.error(`✗ ${error instanceof Error ? error.message : error}`)
  process.exit(1)
})
