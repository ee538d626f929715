import { entriesWorkload } from '@repo/drills/entries.ts'
import { insertion } from '@repo/drills/rows.ts'
import { expect, it } from 'vitest'
import { parseFields } from '../src/fields.ts'
import { kindOf } from '../src/templates/kinds.ts'

/** What the drills store for a field, as its template has it. */
function valuesOf(text: string, count: number): readonly string[] {
  const field = parseFields([text], new Set(), 'tickets')[0]
  if (field === undefined) throw new Error(text)
  const value = new Function('n', 'distinct', `return ${kindOf(field).load}`)
  const workload = entriesWorkload({
    name: 'tickets',
    table: 'tickets',
    entry: (n, distinct) => ({ value: value(n, distinct) }),
    numberedRow: { columns: field.column, values: kindOf(field).numbered },
  })
  return Array.from({ length: count }, () => JSON.parse(JSON.stringify(workload.write().json)).value)
}

it.each([
  ['code:string(200)!', 10_000, /^code \d+$/],
  ['code:string(12)!', 10_000, /^[0-9a-z]{1,12}$/],
  ['code:string(5)!', 10_000, /^[0-9a-z]{1,5}$/],
  ['code:string(2)!', 648, /^[0-9a-z]{1,2}$/],
  ['code:int!', 10_000, /^\d{1,10}$/],
  ['code:decimal(4,2)!', 5_000, /^\d\d\.\d\d$/],
  ['code:decimal(65,30)!', 10_000, /^0\.0{15}\d{15}$/],
  ['code:decimal(20,0)!', 10_000, /^\d{1,20}$/],
  ['code:date!', 10_000, /^[12]\d{3}-\d\d-\d\d$/],
  ['code:datetime!', 10_000, /^[12]\d{3}-.*Z$/],
])('the drills store different values of %s, %d times', (text, count, form) => {
  const values = valuesOf(text, count)
  expect(new Set(values).size).toBe(count)
  expect(values.filter((value) => !form.test(String(value)))).toEqual([])
})

it('refuses more numbered rows than a unique column has values', () => {
  const numberedRow = { columns: 'code', values: 'CONV(n, 10, 36)', capacity: 36 }
  expect(insertion({ table: 'tickets', numberedRow }, { from: 1, count: 35 })).toContain('INSERT INTO tickets')
  expect(() => insertion({ table: 'tickets', numberedRow }, { from: 1, count: 36 })).toThrow(
    'tickets cannot have that many rows: a unique column has 36 different values.',
  )
})
