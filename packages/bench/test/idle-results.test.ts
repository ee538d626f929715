import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { describeIdle, formatServices, type Idle, memoryMiB, toIdleGroup, withTable } from '../src/idle-results.ts'

const topology = {
  buildSeconds: 90,
  startSeconds: 20,
  imagesMiB: 1234,
  machinePercent: 5,
  services: {
    alb: { instances: 1, memoryMiB: 40, cpuPercent: 0.5 },
    'db-writer': { instances: 1, memoryMiB: 260.4, cpuPercent: 1.25 },
  },
}
const idle: Idle = {
  about: { date: '2026-11-28T00:00:00.000Z', cpus: 2, cpu: 'any' },
  busyBefore: 1.5,
  complete: topology,
  light: { ...topology, machinePercent: 1, startSeconds: 12 },
}

const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8')

describe('the figures at rest', () => {
  it('are a table for the README', () => {
    expect(describeIdle(idle).split('\n')).toEqual([
      '| | `npm start` | `npm start -- --light` |',
      '| --- | --- | --- |',
      '| memory at rest | 300 MiB | 300 MiB |',
      '| processor time at rest, of 2 cores, the engine included | 3.5 % | 0.0 % |',
      '| disk for the images | 1,234 MiB | 1,234 MiB |',
      '| first build, after the base images | 1.5 min | 1.5 min |',
      '| start of what is built | 20 s | 12 s |',
    ])
  })

  it('of the complete topology are a group of the results', () => {
    expect(toIdleGroup(idle)).toEqual({ date: idle.about.date, cpuPercent: 3.5, memoryMiB: 300 })
  })

  it('are shown for each service', () => {
    expect(formatServices(topology)).toContain('db-writer  × 1    260 MiB   1.25 % of a core')
  })

  it('replace those of an earlier run', () => {
    const once = withTable(readme, 'a table')
    expect(once).toContain('<!-- npm run idle -->\na table\n<!-- end -->\n')
    expect(withTable(once, 'another')).toBe(withTable(readme, 'another'))
  })

  it('are in the README and the results as they were measured, and within the promised bounds', () => {
    const file = join(repositoryRoot, 'packages/bench/results/idle.json')
    const measured: Idle | undefined = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
    const results = JSON.parse(readFileSync(join(repositoryRoot, 'packages/bench/results/latest.json'), 'utf8'))
    expect(withTable(readme, measured ? describeIdle(measured) : '')).toBe(readme)
    expect(results.idle).toEqual(measured && toIdleGroup(measured))
    if (measured === undefined) return
    expect(results.idle.cpuPercent).toBeLessThanOrEqual(3)
    expect(memoryMiB(measured.complete)).toBeLessThanOrEqual(675)
    expect(memoryMiB(measured.light)).toBeLessThanOrEqual(600)
  })
})
