import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git } from '@repo/compose'
import { afterAll, describe, expect, it } from 'vitest'
import { formatResults, keepRun, mergeResults, schema } from '../src/results-file.ts'
import { sample } from './samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'results-'))
afterAll(() => rmSync(folder, { recursive: true }))

const about = { date: '2026-11-28T00:00:00.000Z', commit: 'abc', quick: true, cpus: 2, cpu: 'any' }
const run = (last: number) => [
  sample('direct', 'first', 1000),
  sample('direct', 'write-128', 1000),
  sample('fastify', 'write-128', 250),
  sample('direct', 'last', last),
]

/** A file with these results, and what is in it afterwards. */
function fileWith(results: object) {
  const file = join(folder, 'latest.json')
  writeFileSync(file, JSON.stringify(results))
  return { file, read: () => JSON.parse(readFileSync(file, 'utf8')) }
}

describe('the results', () => {
  it('are those of the run, with machine, commit and noise', async () => {
    const { file, read } = fileWith({})
    await keepRun(run(950), about, file)
    expect(read()).toMatchObject({
      schema,
      about: { ...about, noise: 0.05 },
      write: { vsFastify: 4 },
      correct: true,
      figures: { fastify: { 'write-128': { rounds: 1, perSecond: 250 } } },
    })
  })

  it('are not changed by a run on a busy machine', async () => {
    const { file, read } = fileWith({ schema, about })
    await expect(keepRun(run(800), about, file)).rejects.toThrow('not kept')
    expect(read()).toEqual({ schema, about })
  })

  it('keep what other commands have measured', async () => {
    const { file, read } = fileWith({ schema, correct: false, idle: { memoryMiB: 1 } })
    await keepRun(run(1000), about, file)
    expect(read()).toMatchObject({ correct: true, idle: { memoryMiB: 1 } })
    await mergeResults({ idle: { memoryMiB: 2 } }, file)
    expect(read()).toMatchObject({ correct: true, idle: { memoryMiB: 2 } })
  })

  it('keep nothing of another form', async () => {
    const { file, read } = fileWith({ schema: 1, samples: [] })
    await mergeResults({ idle: {} }, file)
    expect(read()).toEqual({ schema, idle: {} })
  })

  it('have a line per ratio and per figure', () => {
    const results = {
      schema,
      mix: { vsGo: 2, vsExpress: undefined },
      figures: { go: { mix: { rounds: 3, spread: 0 } } },
    }
    expect(formatResults(results).split('\n')).toEqual([
      '{',
      '  "schema": 2,',
      '  "mix": {',
      '    "vsGo": 2',
      '  },',
      '  "figures": {',
      '    "go": {',
      '      "mix": {"rounds":3,"spread":0}',
      '    }',
      '  }',
      '}',
      '',
    ])
  })

  it('are committed in this form', () => {
    const text = git('show', ':packages/bench/results/latest.json')
    const results = JSON.parse(text)
    expect(results).toMatchObject({ schema, about: { commit: expect.any(String), cpu: expect.any(String) } })
    expect(formatResults(results)).toBe(text)
  })
})
