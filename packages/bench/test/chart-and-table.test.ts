import { describe, expect, it } from 'vitest'
import { chart } from '../src/chart.ts'
import { formatLatencies, formatTable } from '../src/table.ts'
import { sample } from './samples.ts'

const samples = [
  sample('direct', 'write-128', 900, { cpuMsPerRequest: { web: 0.2, app: 0.3 }, peakMiB: { 'app-direct': 80 } }),
  sample('direct', 'write-128', 1100, { round: 2 }),
  sample('fastify', 'write-128', 250, { errors: 3 }),
  sample('baseline-flask', 'write-128', 9, { correct: false }),
  sample('direct', 'list-1000000', 0.5),
]

describe('formatTable', () => {
  const lines = formatTable(samples).split('\n')

  it('has a line per candidate with median, spread, CPU time and memory', () => {
    expect(lines).toHaveLength(4)
    expect(lines[1]).toMatch(/^Three-tier, web → app +1,000 ±10% +2,000 ms ±0% +0\.50 +80$/)
  })

  it('shows the number of errors', () => {
    expect(lines[2]).toMatch(/^Fastify \+ mysql2 +250 ±0% 3 errors$/)
  })

  it('shows no figure that is not correct', () => {
    expect(lines[3]).toMatch(/^Flask, uWSGI \(article\) +wrong$/)
  })
})

describe('formatLatencies', () => {
  it('has a line per candidate with the latencies at each rate', () => {
    const open = [
      sample('direct', 'write-at-25', 500, { offeredPerSecond: 500, p50Ms: 3, p99Ms: 10.4, p999Ms: 20 }),
      sample('direct', 'write-at-75', 1500, { offeredPerSecond: 1500, p50Ms: 4, p99Ms: 12, p999Ms: 24 }),
      sample('baseline-flask', 'write-at-25', 20, { offeredPerSecond: 20, p50Ms: 12, p99Ms: 40, errors: 1 }),
    ]
    // The width of the first column depends on the name of the project.
    const lines = formatLatencies([...samples, ...open]).split('\n')
    expect(lines[0]).toMatch(/^p50 \/ p99 \/ p99\.9 in ms {2,}write, 25 % {4}write, 75 %$/)
    expect(lines[1]).toMatch(/^Three-tier, web → app {2,}3\.0 \/ 10 \/ 20 {2}4\.0 \/ 12 \/ 24$/)
    expect(lines.slice(2)).toEqual([expect.stringMatching(/^Flask, uWSGI \(article\) {2,}12 \/ 40 1 errors$/)])
    expect(lines[1]).toHaveLength(String(lines[0]).length)
  })
})

describe('chart', () => {
  const svg = chart(samples)
  const bars = [...svg.matchAll(/<rect [^>]*width="(\d+)"[^>]*fill="(#\w+)"/g)].map(([, width, fill]) => [
    Number(width),
    fill,
  ])

  it('draws a proportional bar for every correct figure', () => {
    expect(bars).toHaveLength(3)
    expect(bars[0]?.[0]).toBe(4 * Number(bars[1]?.[0]))
  })

  it('highlights this project', () => {
    expect(bars[0]?.[1]).not.toBe(bars[1]?.[1])
  })

  it('shows labels and values', () => {
    expect(svg).toContain('>1,000/s<')
    expect(svg).toContain('>2.0 s<')
    expect(svg).toContain('>Fastify + mysql2<')
    expect(svg).not.toContain('Flask')
  })
})
