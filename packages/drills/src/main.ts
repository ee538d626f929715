import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Arena, openArena } from './arena.ts'
import type { Check, Drill } from './drill.ts'
import { drills } from './drills/index.ts'
import { type Row, table } from './table.ts'
import { type Variant, variants } from './variants.ts'

const resultsFile = join(import.meta.dirname, '../results/latest.json')

/**
 * `npm run drill [-- NAME…]`: runs the drills, prints a table, exits with 1 where a promise broke.
 * `npm run drill -- --broken [NAME…]`: runs products that are broken on purpose, exits with 1 where no drill noticed.
 */
async function main(args: readonly string[]): Promise<void> {
  const broken = args[0] === '--broken'
  const names = broken ? args.slice(1) : args
  if (broken) await runVariants(select('broken variant', variants, names))
  else await runDrills(select('drill', drills, names))
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

async function runDrills(selected: readonly Drill[]): Promise<void> {
  await using arena = await open()
  const results: Row[] = []
  for (const drill of selected) results.push(...(await runOne(arena, drill)))
  await mkdir(join(resultsFile, '..'), { recursive: true })
  await writeFile(resultsFile, `${JSON.stringify(results, undefined, 2)}\n`)
  console.log(table(results))
  if (results.some(({ ok }) => !ok)) process.exitCode = 1
}

async function runVariants(selected: readonly Variant[]): Promise<void> {
  await using arena = await open()
  const results: Row[] = []
  for (const variant of selected) {
    console.error(`With ${variant.name}:`)
    await variant.apply(arena)
    const broken = (await runOne(arena, variant.drill)).filter(({ ok }) => !ok)
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

async function open(): Promise<Arena> {
  console.error('Bringing up a topology for the drills, apart from yours.')
  const arena = await openArena({ project: 'three-tier-drills', steadyMs: 3000, patience: 1 })
  disposeOnSignal(arena)
  return arena
}

async function runOne(arena: Arena, drill: Drill): Promise<Row[]> {
  const startedAt = performance.now()
  console.error(`${drill.name} …`)
  const checks = await drill
    .run(arena)
    .catch((error: unknown): Check[] => [
      { promise: 'the drill can be carried out', bound: 'yes', measured: String(error), ok: false },
    ])
  await arena.heal()
  const verdict = checks.every(({ ok }) => ok) ? 'ok' : 'BROKEN'
  console.error(`${drill.name}: ${verdict} (${Math.round((performance.now() - startedAt) / 1000)} s)`)
  return checks.map((check) => ({ drill: drill.name, ...check }))
}

function disposeOnSignal(arena: Arena): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: removing the drills' topology.`)
      void arena[Symbol.asyncDispose]().then(
        () => process.exit(130),
        () => process.exit(1),
      )
    })
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
