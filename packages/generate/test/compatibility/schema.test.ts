import { describe, expect, it } from 'vitest'
import { type Column, compareSchemas, type Key, type Table } from '../../src/compatibility/schema.ts'

const number: Column = {
  type: 'int',
  characters: 0,
  bytes: 0,
  charset: '',
  collation: '',
  nullable: false,
  fallback: 'none',
  generated: false,
}
const optional: Column = { ...number, nullable: true, fallback: 'null' }
const text: Column = {
  ...number,
  type: 'varchar(10)',
  characters: 10,
  bytes: 40,
  charset: 'utf8mb4',
  collation: 'utf8mb4_0900_ai_ci',
}
const key = (columns: string[], unique = false): Key => ({ columns, unique, visible: true })
const owner = { columns: ['owner'], target: '(owner) REFERENCES owners (id) ON DELETE NO ACTION ON UPDATE NO ACTION' }

interface Parts {
  readonly columns?: Readonly<Record<string, Column>>
  readonly keys?: Readonly<Record<string, Key>>
  readonly references?: Readonly<Record<string, typeof owner>>
  readonly checks?: Readonly<Record<string, string>>
}

const table = ({ columns = {}, keys = {}, references = {}, checks = {} }: Parts): Table => ({
  columns: new Map(Object.entries({ id: number, title: text, owner: optional, ...columns })),
  keys: new Map(Object.entries({ PRIMARY: key(['id'], true), ...keys })),
  references: new Map(Object.entries(references)),
  checks: new Map(Object.entries(checks)),
})

/** The objects of the findings when a table becomes another. */
const compare = (before: Parts, after: Parts) =>
  compareSchemas(new Map([['t', table(before)]]), new Map([['t', table(after)]])).map(({ object }) => object)

describe('compareSchemas', () => {
  it('finds a table that is gone, and no new one', () => {
    const [none, one] = [new Map(), new Map([['t', table({})]])]
    expect(compareSchemas(one, none)).toMatchObject([{ object: 't', problem: 'the table is gone' }])
    expect(compareSchemas(none, one)).toEqual([])
  })

  it('finds a column that the release before cannot fill', () => {
    expect(compare({}, { columns: { grade: number } })).toEqual(['t.grade'])
    expect(compare({}, { columns: { grade: { ...number, fallback: 'value' } } })).toEqual([])
    expect(compare({}, { columns: { grade: { ...number, generated: true } } })).toEqual([])
    expect(compare({}, { columns: { grade: optional } })).toEqual([])
  })

  it('finds a value that must be given, though it may be left out before', () => {
    const given = (fallback: Column['fallback']) => ({ columns: { grade: { ...optional, fallback } } })
    expect(compare(given('value'), given('none'))).toEqual(['t.grade'])
    expect(compare(given('none'), given('value'))).toEqual([])
    expect(compare(given('value'), given('null'))).toEqual([])
  })

  it('finds a column that becomes NOT NULL or computed', () => {
    expect(compare({}, { columns: { owner: { ...optional, nullable: false, fallback: 'value' } } })).toEqual([
      't.owner',
    ])
    expect(compare({}, { columns: { owner: { ...optional, fallback: 'value', generated: true } } })).toEqual([
      't.owner',
    ])
    expect(compare({}, { columns: { id: optional } })).toEqual([])
  })

  it('finds another collation', () => {
    const problem = 'its collation becomes utf8mb4_bin, which compares and sorts otherwise'
    const after = new Map([['t', table({ columns: { title: { ...text, collation: 'utf8mb4_bin' } } })]])
    expect(compareSchemas(new Map([['t', table({})]]), after)).toMatchObject([{ object: 't.title', problem }])
  })

  it.each<[what: string, objects: string[], before: Record<string, Key>, after: Record<string, Key>]>([
    ['is gone', ['t.k'], { k: key(['title']) }, {}],
    ['is invisible', ['t.k'], { k: key(['title']) }, { k: { ...key(['title']), visible: false } }],
    ['has other columns', ['t.k'], { k: key(['title', 'owner']) }, { k: key(['owner', 'title']) }],
    ['has a shorter prefix', ['t.k'], { k: key(['title(9)']) }, { k: key(['title(4)']) }],
    ['has further columns', [], { k: key(['title']) }, { k: key(['title', 'owner']) }],
    ['is replaced by a longer one', [], { k: key(['title']) }, { other: key(['title', 'owner']) }],
    ['is visible now', [], { k: { ...key(['title']), visible: false } }, { k: key(['title']) }],
    ['is unique and gone', ['t.k'], { k: key(['title'], true) }, { other: key(['title']) }],
    ['is unique and renamed', ['t.k'], { k: key(['title'], true) }, { other: key(['title'], true) }],
    ['is unique with further columns', ['t.k'], { k: key(['title'], true) }, { k: key(['title', 'owner'], true) }],
    ['is no longer unique', ['t.k'], { k: key(['title'], true) }, { k: key(['title']) }],
    ['becomes unique', ['t.k'], { k: key(['title']) }, { k: key(['title'], true) }],
    ['is new and unique', ['t.k'], {}, { k: key(['title'], true) }],
    ['is new and unique of an expression', ['t.k'], {}, { k: key(['lower(`title`)'], true) }],
    ['is new and unique, but includes a unique one', [], {}, { k: key(['id', 'title'], true) }],
  ])('judges a key that %s', (_what, objects, before, after) => {
    expect(compare({ keys: before }, { keys: after })).toEqual(objects)
  })

  it('accepts a unique key of a new column that is NULL in rows of the release before', () => {
    const keys = { k: key(['title', 'code'], true) }
    expect(compare({}, { columns: { code: optional }, keys })).toEqual([])
    expect(compare({}, { columns: { code: { ...optional, fallback: 'value' } }, keys })).toEqual(['t.k'])
  })

  it('finds a foreign key that is new, gone or changed', () => {
    const cascading = { ...owner, target: owner.target.replace('NO ACTION', 'CASCADE') }
    expect(compare({}, { references: { r: owner } })).toEqual(['t.r'])
    expect(compare({ references: { r: owner } }, {})).toEqual(['t.r'])
    expect(compare({ references: { r: owner } }, { references: { r: cascading } })).toEqual(['t.r', 't.r'])
    expect(compare({ references: { r: owner } }, { references: { other: owner } })).toEqual([])
  })

  it('finds a CHECK of a column that the release before fills', () => {
    expect(compare({}, { checks: { c: '(`owner` > 0)' } })).toEqual(['t.c'])
    expect(compare({ checks: { c: '(`owner` > 0)' } }, { checks: { d: '(`owner` > 0)' } })).toEqual([])
    expect(compare({ checks: { c: '(`owner` > 0)' } }, {})).toEqual([])
    expect(compare({}, { columns: { code: optional }, checks: { c: '(`code` > 0)' } })).toEqual([])
  })

  it('names a dropped column once, not its keys', () => {
    const before = {
      columns: { code: optional },
      keys: { k: key(['code', 'id']) },
      references: { r: { ...owner, columns: ['code'] } },
    }
    expect(compare(before, { keys: { k: key(['id']) } })).toEqual(['t.code'])
  })
})
