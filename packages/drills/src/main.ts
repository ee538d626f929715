import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Arena, openArena } from './arena.ts'
import type { Check, Drill } from './drill.ts'
import { drills } from './drills/index.ts'
import { table } from './table.ts'

const resultsFile = join(import.meta.dirname, '../results/latest.json')

/** `npm run drill [-- NAME…]`: runs the drills, prints a table, exits with 1 where a promise broke. */
async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !drills.some((drill) => drill.name === name))
  if (unknown.length > 0) {
    throw new Error(`No such drill: ${unknown.join(', ')}. There are: ${drills.map(({ name }) => name).join(', ')}.`)
  }
  const selected = drills.filter(({ name }) => names.length === 0 || names.includes(name))
  console.error('Bringing up a topology for the drills, apart from yours.')
  await using arena = await openArena({ project: 'three-tier-drills', steadyMs: 3000, patience: 1 })
  disposeOnSignal(arena)
  const results: ({ drill: string } & Check)[] = []
  for (const drill of selected) results.push(...(await runOne(arena, drill)))
  await mkdir(join(resultsFile, '..'), { recursive: true })
  await writeFile(resultsFile, `${JSON.stringify(results, undefined, 2)}\n`)
  console.log(table(results))
  if (results.some(({ ok }) => !ok)) process.exitCode = 1
}

async function runOne(arena: Arena, drill: Drill): Promise<({ drill: string } & Check)[]> {
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
