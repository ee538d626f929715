import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findWorkload } from '../src/find-workload.ts'
import { hostileRequests } from '../src/hostile-requests.ts'
import type { Workload } from '../src/workload.ts'
import { workloads } from '../src/workloads/index.ts'

describe('the registered workloads', () => {
  it('have different names', () => {
    expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length)
  })

  it.each(workloads)('$name is a file of at most 40 lines', ({ name }) => {
    const file = readFileSync(join(import.meta.dirname, `../src/workloads/${name}.ts`), 'utf8')
    expect(file.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
  })

  it.each(workloads)('$name acknowledges nothing that is an error or unknown', ({ acknowledged }) => {
    expect(acknowledged({ status: 503, body: '' })).toBeUndefined()
    expect(acknowledged({ status: 200, body: 'yes' })).toBeUndefined()
  })

  it.each(workloads)('$name accepts an empty list, and no error', ({ listed }) => {
    expect(listed({ status: 200, body: '[]' })).toEqual([])
    expect(listed({ status: 503, body: '[]' })).toBeUndefined()
    expect(listed({ status: 200, body: '{}' })).toBeUndefined()
  })

  it.each(workloads)('$name gives hostile requests as many as asked for', (workload) => {
    expect(hostileRequests(workload, 1234)).toHaveLength(1234)
  })
})

describe('findWorkload', () => {
  const known = ['tickets', 'line-items', 'categories', 'people'].map((name) => ({ name }) as Workload)

  it.each([
    ['tickets', 'tickets'],
    ['ticket', 'tickets'],
    ['line-items', 'line-items'],
    ['line-item', 'line-items'],
    ['lineItems', 'line-items'],
    ['lineItem', 'line-items'],
    ['category', 'categories'],
    ['people', 'people'],
  ])('takes %s for %s, as `npm run generate` takes a name', (given, name) => {
    expect(findWorkload(given, known).name).toBe(name)
  })

  it.each(['tick', 'Ticket ', 'person', ''])("names what there is instead of '%s'", (given) => {
    expect(() => findWorkload(given, known)).toThrow(
      `Unknown resource '${given}'. Known: tickets, line-items, categories, people.`,
    )
    expect(() => findWorkload(given, [])).toThrow(`Unknown resource '${given}'. Known: none.`)
  })
})
