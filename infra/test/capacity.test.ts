import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { costs } from '../lib/costs.ts'
import { type Capacity, capacityTables, type Deployment, withTables } from './capacity-tables.ts'
import { synthesize } from './synthesis.ts'

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8')

const deployments: Readonly<Record<string, Deployment>> = Object.fromEntries(
  Object.entries(configs).map(([name, config]) => [name, { config, template: synthesize({ config }).template }]),
)

const cost = (msPerWrite: number) => ({ restCores: 0.0123, msPerWrite })
const capacity: Capacity = {
  costs: { web: cost(0.4), app: cost(0.3), 'db-writer': cost(0.2) },
  calibrations: { app: { cpus: 0.1, msPerWrite: 0.35 } },
  knees: { web: { '0.05': { predicted: 245, measured: 230, deviation: 0.0652, uncalibrated: 1260 } } },
}
const tables = capacityTables(capacity, deployments)
const cellsOf = (table = '') => table.split('\n').map((line) => line.slice(2, -2).split(' | '))

describe('the tables of the capacity', () => {
  it('have what was measured', () => {
    expect(cellsOf(tables.knees)[2]).toEqual(['`web`', '0.05', '245', '230', '7 %', '1,260'])
    expect(cellsOf(tables.costs).slice(2)).toEqual([
      ['CPU ms per write, without limits', '0.4', '0.3', '0.2'],
      ['CPU ms per write, calibrated with `--cpus`', '-', '0.35 with 0.1', '-'],
      ['at rest, % of a core', '1.23', '1.23', '1.23'],
    ])
  })

  it('have the instances of each deployment with instances, never fewer than it has and never more than it may have', () => {
    const [head, , ...rows] = cellsOf(tables.aws)
    expect(head?.map((cell) => cell.split(':')[0])).toEqual([
      'writes per second',
      ...['dev', 'lab', 'prod'].flatMap((name) => [name, 'USD per million']),
    ])
    const instances = rows.map((cells) => [cells[1], cells[3], cells[5]])
    // A web instance carries 0.6 × 2 vCPUs ÷ 0.4 ms = 3,000 writes per second, an app instance 4,000.
    expect(instances).toEqual([
      ['2 + 2', '1 + 1', '2 + 2'],
      ['2 + 2', '1 + 1', '2 + 2'],
      ['2 + 2', '1 + 1', '2 + 2'],
      ['4 + 3', '-', '4 + 3'],
      ['12,000/s with 4 + 3', '6,000/s with 2 + 2', '18,000/s with 6 + 5'],
    ])
  })

  it('have the price of the instances, and of their CPU time above the baseline', () => {
    const dollars = (rate: string) => Number(cellsOf(tables.aws).find(([cell]) => cell === rate)?.[2])
    const sum = (lines: ReturnType<typeof costs>) => Object.values(lines).reduce((total, [, each]) => total + each, 0)
    const monthly = (rate: number) => (dollars(rate.toLocaleString('en')) * rate * 730 * 3600) / 1e6
    const template = deployments.dev?.template as Deployment['template']
    // 0.04 and 0.03 cores, of 2 × 2 × 10 % in each tier.
    expect(monthly(100) / sum(costs(template))).toBeCloseTo(1, 2)
    // 4 and 3 cores, of 4 × 2 × 10 % and 3 × 2 × 10 %.
    const surplus = (4 - 0.8 + 3 - 0.6) * 0.04 * 730
    expect(monthly(10_000) / (sum(costs(template, { Web: 4, App: 3 })) + surplus)).toBeCloseTo(1, 2)
    expect(sum(costs(template, { Web: 4, App: 3 })) - sum(costs(template))).toBeCloseTo(3 * (0.0108 * 730 + 2.868), 2)
  })

  it("have the rate that uses up the writer's vCPUs, where their number is known", () => {
    expect(cellsOf(tables.writer)).toEqual([
      ['', 'dev', 'prod'],
      ['---', '---:', '---:'],
      ['writer', 'db.t4g.medium', 'db.r7g.large'],
      ['vCPUs', '2', '2'],
      ['writes per second that use all of them', '10,000', '10,000'],
    ])
  })

  it('need a place in the document', () => {
    expect(() => withTables('', { knees: 'a table' })).toThrow('no place for the table knees')
  })
})

describe('docs/capacity.md', () => {
  it('has the tables that the measured capacity, the templates and the prices give', async () => {
    const measured: Capacity | undefined = JSON.parse(read('packages/bench/results/latest.json')).capacity
    const missing = Object.fromEntries(Object.keys(tables).map((name) => [name, 'Not measured yet.']))
    const expected = withTables(read('docs/capacity.md'), measured ? capacityTables(measured, deployments) : missing)
    await expect(expected).toMatchFileSnapshot('../../docs/capacity.md')
  })

  it('has predictions that are within 20 % of what was measured', () => {
    const measured: Capacity | undefined = JSON.parse(read('packages/bench/results/latest.json')).capacity
    for (const knee of Object.values(measured?.knees ?? {}).flatMap((ofTier) => Object.values(ofTier))) {
      expect(Math.abs(knee.deviation)).toBeLessThanOrEqual(0.2)
    }
  })
})
