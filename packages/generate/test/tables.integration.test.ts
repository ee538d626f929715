import { startMysql, type TestMysql } from '@repo/compose/testing'
import { dropping, insertion, truncation } from '@repo/drills/rows.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseFields } from '../src/fields.ts'
import { namesOf } from '../src/names.ts'
import { kindOf } from '../src/templates/kinds.ts'
import { migration } from '../src/templates/migration.ts'

let mysql: TestMysql

beforeAll(async () => {
  mysql = await startMysql()
})

afterAll(() => mysql?.[Symbol.asyncDispose]())

const names = namesOf('ticket')
const fieldsOf = (texts: readonly string[]) => parseFields(texts, new Set(), names.table)
const create = (texts: readonly string[]) =>
  mysql.sql(`DROP TABLE IF EXISTS ${names.table}; ${migration(names, fieldsOf(texts))}`)

it.each([
  [63, 'int!'],
  [63, 'enum(a,b)'],
  [1000, 'int'],
  [190, 'text'],
  [190, 'string(50)'],
  [230, 'decimal(65,30)'],
  [8, 'string(2000)'],
] as const)('a table with %d fields of type %s can be created', async (count, type) => {
  await create(Array.from({ length: count }, (_, index) => `field${index}:${type}`))
})

it.each(['string(200)!', 'string(5)!', 'string(3)!', 'int!', 'decimal(6,2)!', 'decimal(65,30)!', 'date!', 'datetime!'])(
  'the numbered rows of a field of type %s are different',
  async (type) => {
    await create([`code:${type}`])
    const [field] = fieldsOf([`code:${type}`])
    if (field === undefined) throw new Error('no field')
    const { numbered, capacity } = kindOf(field)
    const numberedRow = { columns: 'created_at, code', values: `NOW(), ${numbered}` }
    // Beyond the row from which five digits are the same as former ones, and as far as there are values.
    const from = (capacity ?? 1_000_000) - 20_000
    for (const first of [0, from])
      await mysql.sql(insertion({ table: names.table, numberedRow }, { from: first, count: 20_000 }))
    expect(await mysql.sql(`SELECT COUNT(*) FROM ${names.table}`)).toBe('40000')
  },
)

it('the drills remove rows and a table to which another one refers', async () => {
  await create(['code:int'])
  await mysql.sql(`CREATE TABLE notes (ticket BIGINT UNSIGNED, FOREIGN KEY (ticket) REFERENCES ${names.table} (id))`)
  await mysql.sql(truncation(names))
  await mysql.sql(dropping(names))
  expect(await mysql.sql('SHOW TABLES')).not.toContain(names.table)
})
