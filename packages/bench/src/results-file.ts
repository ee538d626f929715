import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { toFigures } from './figures.ts'
import { verifyNoise } from './noise.ts'
import { toResults } from './results.ts'
import type { Sample } from './samples.ts'

/** The version of the file's form. */
export const schema = 2

const latest = join(repositoryRoot, 'packages/bench/results/latest.json')

/** The run that the figures are from. */
export interface About {
  readonly date: string
  readonly commit: string
  readonly quick: boolean
  readonly cpus: number
  readonly cpu: string
}

/**
 * Keeps a run of the benchmark.
 *
 * @param file @default results/latest.json
 * @throws without a change of the file, if the machine was too busy.
 */
export async function keepRun(samples: readonly Sample[], about: About, file: string = latest): Promise<void> {
  const noise = verifyNoise(samples)
  await mergeResults({ about: { ...about, noise }, ...toResults(samples), figures: toFigures(samples) }, file)
}

/**
 * Replaces groups of the file, and keeps those that other commands measure.
 *
 * @param file @default results/latest.json
 */
export async function mergeResults(groups: object, file: string = latest): Promise<void> {
  const before = await readFile(file, 'utf8').then(JSON.parse, () => ({}))
  await writeFile(file, formatResults({ ...(before.schema === schema ? before : { schema }), ...groups }))
}

/** As JSON with a line per ratio and per figure. */
export const formatResults = (results: object): string => `${format(results, 3)}\n`

/** @param depth down to where each entry has a line of its own. */
function format(value: unknown, depth: number, indent = ''): string {
  if (depth === 0 || typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = `${indent}  `
  const lines = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => `${inner}${JSON.stringify(key)}: ${format(each, depth - 1, inner)}`)
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`
}
