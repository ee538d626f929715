import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Arena, openArena } from './arena.ts'
import type { Check, Drill } from './drill.ts'
import { drills } from './drills/index.ts'
import { type Row, table } from './table.ts'
import { type Variant, variants } from './variants.ts'

const resultsFile = join(import.meta.dirname, '../results/latest.json')

const carriedOut = 'the drill can be carried out'

/**
 * `npm run drill [-- NAME…]`: runs the drills, prints a table (and writes it, when it is of all of them), exits with 1
 * where a promise broke.
 * `npm run drill -- --broken [NAME…]`: runs products that are broken on purpose, exits with 1 where no drill noticed.
 */
async function main(args: readonly string[]): Promise<void> {
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: removing the drills' topology.`)
      interruption.abort()
    })
  }
  const broken = args[0] === '--broken'
  const names = broken ? args.slice(1) : args
  try {
    if (broken) await runVariants(select('broken variant', variants, names), interruption.signal)
    else await runDrills(select('drill', drills, names), interruption.signal)
  } catch (error) {
    // What a drill was about would go on for a while, in an empty arena.
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
    throw new Error(`No such ${kind}: ${unknown.join(', ')}. There are: ${all.map(({ name }) => name).join(', ')}.`)
  }
  return all.filter(({ name }) => names.length === 0 || names.includes(name))
}

async function runDrills(selected: readonly Drill[], signal: AbortSignal): Promise<void> {
  await using arena = await open(signal)
  const results: Row[] = []
  for (const drill of selected) results.push(...(await runOne(arena, drill, signal)))
  // A few of them are no picture of the whole.
  if (selected.length === drills.length) {
    await mkdir(join(resultsFile, '..'), { recursive: true })
    await writeFile(resultsFile, `${JSON.stringify(results, undefined, 2)}\n`)
  }
  console.log(table(results))
  if (results.some(({ ok }) => !ok)) process.exitCode = 1
}

async function runVariants(selected: readonly Variant[], signal: AbortSignal): Promise<void> {
  await using arena = await open(signal)
  const results: Row[] = []
  for (const variant of selected) {
    console.error(`With ${variant.name}:`)
    await variant.apply(arena)
    const rows = await runOne(arena, variant.drill, signal)
    // A drill that fell over has noticed nothing.
    const broken = rows.filter(({ ok, promise }) => !ok && promise !== carriedOut)
    await arena.variant('', 'app', 'web')
    const measured = broken.map(({ promise, measured }) => `${promise}: ${measured}`).join('; ')
    results.push({
      drill: variant.name,
      promise: `${variant.drill.name} notices`,
      bound: 'yes',
      measured: measured || 'no',
      ok: broken.length > 0,
    })
  }
  console.log(table(results))
  if (results.some(({ ok }) => !ok)) process.exitCode = 1
}

async function open(signal: AbortSignal): Promise<Arena> {
  console.error('Bringing up a topology for the drills, apart from yours.')
  return openArena({ project: 'three-tier-drills', steadyMs: 3000, patience: 1, signal })
}

async function runOne(arena: Arena, drill: Drill, signal: AbortSignal): Promise<Row[]> {
  const startedAt = performance.now()
  console.error(`${drill.name} …`)
  const run = drill
    .run(arena)
    .catch((error: unknown): Check[] => [{ promise: carriedOut, bound: 'yes', measured: String(error), ok: false }])
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const checks = await Promise.race([run, aborted])
  signal.throwIfAborted()
  // The next drill will tell if this one's damage is beyond mending; the results so far must be told too.
  await arena.heal().catch((error: unknown) => console.error(`  not mended: ${error}`))
  const verdict = checks.every(({ ok }) => ok) ? 'ok' : 'BROKEN'
  console.error(`${drill.name}: ${verdict} (${Math.round((performance.now() - startedAt) / 1000)} s)`)
  for (const { ok, promise, bound, measured } of checks) {
    if (!ok) console.error(`  ${promise}: ${measured} (bound: ${bound})`)
  }
  return checks.map((check) => ({ drill: drill.name, ...check }))
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
