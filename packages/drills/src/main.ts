import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Check, Drill } from './drill.ts'
import { drills } from './drills/index.ts'
import { runSequence } from './drills/operations.ts'
import { findWorkload } from './find-workload.ts'
import { openHttpClient } from './http.ts'
import { describeMachine, type Machine, measureMachine, medianWriteMs, unfitReasons } from './machine.ts'
import { drawOperations, type Operation, seedFile, shrink } from './operations.ts'
import { formatTable, type Row, resultOf } from './results-table.ts'
import { openTestEnvironment, type TestEnvironment } from './test-environment.ts'
import { applyVariant, type Variant, variantsOf } from './variants.ts'
import type { Workload } from './workload.ts'
import { workloads } from './workloads/index.ts'

const resultsFile = join(import.meta.dirname, '../results/latest.json')

const completed = 'drill completed'

/**
 * `npm run drill [-- NAME… --resource NAME]`: measures the machine, runs the drills and prints a table; a run of all
 * drills also writes results/latest.json.
 * `npm run drill -- --broken [NAME…]`: runs variants of the product that are broken on purpose.
 * `npm run drill -- operations --seed N [--steps M]`: runs the random operations of a seed, or of several: `--seed 1-30`.
 * The result of each is in results/operations/RESOURCE; one that is there already is not run again, unless it failed.
 *
 * Exit code 0: every promise holds, or a drill detects every variant. 1: a promise is broken, a variant is not detected,
 * or the command failed. 2: no promise is broken, but the machine is too slow or too busy to judge bounds on time.
 */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      broken: { type: 'boolean', default: false },
      resource: { type: 'string' },
      seed: { type: 'string' },
      steps: { type: 'string', default: '25' },
    },
  })
  const workload = values.resource === undefined ? workloads[0] : findWorkload(values.resource)
  if (workload === undefined) throw new Error('There is no workload in packages/drills/src/workloads/index.ts.')
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: removing the topology of the drills.`)
      interruption.abort()
    })
  }
  try {
    if (values.seed !== undefined) {
      if (positionals.join() !== 'operations') throw new Error('Only the drill operations has seeds.')
      await runSeeds(seedsOf(values.seed), Number(values.steps), workload, interruption.signal)
    } else if (values.broken) {
      await runVariants(select('broken variant', variantsOf(workload), positionals), workload, interruption.signal)
    } else {
      await runDrills(select('drill', drills, positionals), workload, interruption.signal)
    }
  } catch (error) {
    // The interrupted drill is still waiting for a topology that no longer exists.
    if (interruption.signal.aborted) process.exit(130)
    throw error
  }
}

function select<Named extends { readonly name: string }>(
  kind: string,
  all: readonly Named[],
  names: readonly string[],
): readonly Named[] {
  const unknown = names.filter((name) => !all.some((one) => one.name === name))
  if (unknown.length > 0) {
    throw new Error(`Unknown ${kind}: ${unknown.join(', ')}. Known: ${all.map(({ name }) => name).join(', ')}.`)
  }
  return all.filter(({ name }) => names.length === 0 || names.includes(name))
}

async function runDrills(selected: readonly Drill[], workload: Workload, signal: AbortSignal): Promise<void> {
  const opened = await openOnMeasuredMachine(workload, signal)
  await using environment = opened.environment
  const { machine, judgesTimes } = opened
  const rows: Row[] = []
  for (const drill of selected) rows.push(...(await runOne(environment, drill, judgesTimes, signal)))
  if (selected.length === drills.length) {
    await mkdir(join(resultsFile, '..'), { recursive: true })
    await writeFile(resultsFile, `${JSON.stringify({ machine, judgesTimes, checks: rows }, undefined, 2)}\n`)
  }
  console.log(formatTable(rows, judgesTimes))
  console.log(`\nMachine: ${describeMachine(machine)}.`)
  if (!judgesTimes) {
    console.log(`Bounds on time are not judged. The machine is ${unfitReasons(machine).join('; ')}.`)
    process.exitCode = 2
  }
  if (rows.some((row) => resultOf(row, judgesTimes) === 'BROKEN')) process.exitCode = 1
}

async function runVariants(selected: readonly Variant[], workload: Workload, signal: AbortSignal): Promise<void> {
  const opened = await openOnMeasuredMachine(workload, signal)
  await using environment = opened.environment
  const { judgesTimes } = opened
  const rows: Row[] = []
  for (const variant of selected) {
    console.error(`With ${variant.name}:`)
    await applyVariant(environment, variant)
    const checks = await runOne(environment, variant.drill, judgesTimes, signal)
    // A drill that could not run to its end has detected nothing.
    const broken = checks.filter((row) => resultOf(row, judgesTimes) === 'BROKEN' && row.promise !== completed)
    await environment.variant('', 'app', 'web', 'db-writer', 'db-reader')
    rows.push({
      drill: variant.name,
      promise: `detected by ${variant.drill.name}`,
      bound: 'yes',
      measured: broken.map(({ promise, measured }) => `${promise}: ${measured}`).join('; ') || 'no',
      ok: broken.length > 0,
      timeBound: false,
    })
  }
  console.log(formatTable(rows, judgesTimes))
  if (rows.some(({ ok }) => !ok)) process.exitCode = 1
}

/** `7` or `1-30`. */
function seedsOf(text: string): number[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  if (first === undefined) throw new Error(`--seed must be a number or a range such as 1-30, not ${text}.`)
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index)
}

async function runSeeds(
  seeds: readonly number[],
  steps: number,
  workload: Workload,
  signal: AbortSignal,
): Promise<void> {
  const environment = await openTestEnvironment({ workload, steadyMs: 1000, signal })
  await using _ = environment
  const report = (command: string) => console.error(`  ${command}`)
  const run = async (sequence: readonly Operation[]) => {
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { commands, checks } = await Promise.race([runSequence(environment, sequence, report), aborted])
    return { commands, checks, ok: checks.every(({ ok }) => ok) }
  }
  for (const seed of seeds) {
    const file = join(resultsFile, '..', seedFile(workload.name, seed))
    const earlier = await readFile(file, 'utf8').then(JSON.parse, () => ({ ok: false }))
    if (earlier.ok && earlier.steps >= steps) continue
    console.error(`Seed ${seed} …`)
    const sequence = drawOperations(seed, steps)
    const result = await run(sequence)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${JSON.stringify({ seed, steps, ...result }, undefined, 2)}\n`)
    console.log(
      formatTable(
        result.checks.map((check) => ({ drill: `seed ${seed}`, ...check })),
        false,
      ),
    )
    if (result.ok) continue
    process.exitCode = 1
    const shortest = await shrink(
      sequence.slice(0, result.commands.length),
      async (shorter) => !(await run(shorter)).ok,
    )
    console.log(['', '. packages/drills/src/operations.sh', ...shortest.map(({ command }) => command), ''].join('\n'))
  }
}

/** Measures the machine before and after it starts a topology. The caller disposes of the environment. */
async function openOnMeasuredMachine(
  workload: Workload,
  signal: AbortSignal,
): Promise<{ environment: TestEnvironment; machine: Machine; judgesTimes: boolean }> {
  console.error('Measuring the machine, then starting a topology for the drills.')
  const idle = await measureMachine()
  const environment = await openTestEnvironment({ workload, steadyMs: 3000, signal })
  const client = openHttpClient(environment.topology.url)
  try {
    const machine = { ...idle, writeMs: await medianWriteMs(client.send, workload) }
    const reasons = unfitReasons(machine)
    console.error(`Machine: ${describeMachine(machine)}.`)
    for (const reason of reasons) console.error(`  ${reason}: bounds on time are not judged`)
    return { environment, machine, judgesTimes: reasons.length === 0 }
  } catch (error) {
    await environment[Symbol.asyncDispose]()
    throw error
  } finally {
    client.close()
  }
}

async function runOne(
  environment: TestEnvironment,
  drill: Drill,
  judgesTimes: boolean,
  signal: AbortSignal,
): Promise<Row[]> {
  const startedAt = performance.now()
  console.error(`${drill.name} …`)
  const run = drill
    .run(environment)
    .catch((error: unknown): Check[] => [
      { promise: completed, bound: 'yes', measured: String(error), ok: false, timeBound: false },
    ])
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const checks = await Promise.race([run, aborted])
  signal.throwIfAborted()
  // The next drill fails if the damage of this one cannot be repaired; the results so far are reported all the same.
  await environment.heal().catch((error: unknown) => console.error(`  not healed: ${error}`))
  const broken = checks.filter((check) => resultOf(check, judgesTimes) === 'BROKEN')
  const result = broken.length === 0 ? 'ok' : 'BROKEN'
  console.error(`${drill.name}: ${result} (${Math.round((performance.now() - startedAt) / 1000)} s)`)
  for (const { promise, bound, measured } of broken) console.error(`  ${promise}: ${measured} (bound: ${bound})`)
  return checks.map((check) => ({ drill: drill.name, ...check }))
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
