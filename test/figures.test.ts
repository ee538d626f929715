import { git } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { read, rowsOf } from './documents.ts'

/** As staged or committed: a run of the drills or the benchmark overwrites the file in the checkout. */
const committed = (file: string) => JSON.parse(git('show', `:${file}`))

/** A check in the results of the drills. */
interface Check {
  readonly drill: string
  readonly promise: string
  readonly bound: string
  readonly measured: string
  readonly ok: boolean
}

describe('the figures in the documents', () => {
  const bench = committed('packages/bench/results/latest.json')
  const { checks }: { readonly checks: readonly Check[] } = committed('packages/drills/results/latest.json')
  const prose = read('README.md').replaceAll(/\s+/g, ' ')

  it('docs/performance.md has those of the committed benchmark, a full run with correct responses', () => {
    expect(bench).toMatchObject({ correct: true, about: { quick: false } })
    const rows = rowsOf('docs/performance.md', '## Benchmark')
    expect(rows.length).toBeGreaterThan(5)
    for (const [key = '', , , figure] of rows) {
      const value = key
        .replaceAll('`', '')
        .split('.')
        .reduce((group, name) => group?.[name], bench)
      expect(figure, key).toBe(String(value))
    }
  })

  it('docs/performance.md has the CPU times of the committed benchmark', () => {
    const rows = rowsOf('docs/performance.md', '## Where the CPU time goes')
    expect(rows.length).toBeGreaterThan(5)
    for (const [candidate = '', work = '', ...times] of rows) {
      const { cpuMsPerRequest } = bench.figures[candidate.replaceAll('`', '')][work.replaceAll('`', '')]
      expect(times, `${candidate} ${work}`).toEqual(Object.values(cpuMsPerRequest).map(String))
    }
  })

  it('README.md has those of the committed benchmark', () => {
    for (const text of [
      `${bench.write.vsFastify} times the writes per second of Fastify`,
      `${bench.read1k.vsFastify} times its reads of 1,000 rows`,
      `${(1 / bench.read1m.vsMysqlDump).toFixed(2)} times as long as \`mysql --quick\``,
      `${bench.read1m.rssGrowthMiB} MiB of memory`,
    ])
      expect(prose).toContain(text)
  })

  it('docs/drills.md has those of the committed run, in which no drill broke a promise', () => {
    expect(checks.filter(({ ok }) => !ok)).toEqual([])
    const rows = rowsOf('docs/drills.md', '## Results')
    const run = new Set(checks.map(({ drill }) => `\`${drill}\``))
    for (const section of ['## Faults', '## Results']) {
      expect(new Set(rowsOf('docs/drills.md', section).map(([drill]) => drill)), section).toEqual(run)
    }
    for (const [drill = '', promise = '', bound, measured] of rows) {
      const result = checks.find((each) => `\`${each.drill}\`` === drill && each.promise === promise)
      expect([bound, measured], `${drill}: ${promise}`).toEqual([result?.bound, result?.measured.split(' (')[0]])
    }
  })

  it('README.md has the bounds of the committed drills', () => {
    const bound = (drill: string) =>
      checks.find((each) => each.drill === drill && each.promise.startsWith('recovery time'))?.bound.replace('≤ ', '')
    for (const text of [
      `loss of an instance the service recovers within ${bound('kill-app')}`,
      `a writer's restart within ${bound('crash-writer')}`,
      `a failover within ${bound('failover')}`,
    ])
      expect(prose).toContain(text)
  })
})

it('a resource has a workload, without which tests of the topology are skipped', () => {
  expect(read('packages/drills/src/workloads/index.ts')).toMatch(/workloads: readonly Workload\[\] = \[[^\]]*\btimes\b/)
})
