import { describe, expect, it } from 'vitest'
import { picture } from '../src/picture.ts'
import { table } from '../src/table.ts'
import { sample } from './samples.ts'

const samples = [
  sample('direct', 'write-128', 900, { cpuMsPerRequest: { web: 0.2, app: 0.3 }, peakMiB: { 'app-direct': 80 } }),
  sample('direct', 'write-128', 1100, { round: 2 }),
  sample('fastify', 'write-128', 250, { errors: 3 }),
  sample('seed', 'write-128', 9, { correct: false }),
  sample('direct', 'list-1000000', 0.5),
]

describe('table', () => {
  const lines = table(samples).split('\n')

  it('has one line a contestant, with the median, its spread, CPU and memory', () => {
    expect(lines).toHaveLength(4)
    expect(lines[1]).toMatch(/^Three-tier, web → app +1,000 ±10% +2,000 ms ±0% +0\.50 +80$/)
  })

  it('tells of errors', () => {
    expect(lines[2]).toMatch(/^Fastify \+ mysql2 +250 ±0% 3 errors$/)
  })

  it('shows no figure that was not correct', () => {
    expect(lines[3]).toMatch(/^Seed: Flask, uWSGI +wrong$/)
  })
})

describe('picture', () => {
  const svg = picture(samples)
  const bars = [...svg.matchAll(/<rect [^>]*width="(\d+)"[^>]*fill="(#\w+)"/g)].map(([, width, fill]) => [
    Number(width),
    fill,
  ])

  it('draws a bar for every correct figure, in proportion', () => {
    expect(bars).toHaveLength(3)
    expect(bars[0]?.[0]).toBe(4 * Number(bars[1]?.[0]))
  })

  it('sets this project off', () => {
    expect(bars[0]?.[1]).not.toBe(bars[1]?.[1])
  })

  it('says what it shows', () => {
    expect(svg).toContain('>1,000/s<')
    expect(svg).toContain('>2.0 s<')
    expect(svg).toContain('>Fastify + mysql2<')
    expect(svg).not.toContain('Seed')
  })
})
