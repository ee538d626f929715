import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { CliError } from '@repo/ops/cli.ts'
import { describe, expect, it } from 'vitest'
import { longestText, parseFields } from '../src/fields.ts'
import { foreignKey, isIndexed } from '../src/keys.ts'
import { selection } from '../src/templates/kinds.ts'

const tables = new Set(['projects', 'line_items', 'addresses', 'people'])
const typeOf = (text: string) => parseFields([`field:${text}`], tables, 'tickets')[0]?.type

describe('parseFields', () => {
  it('reads names, types and marks', () => {
    expect(parseFields(['title:string(200)!', 'dueAt:datetime?', 'code:int?!'], tables, 'tickets')).toEqual([
      { name: 'title', column: 'title', type: { kind: 'string', length: 200 }, optional: false, unique: true },
      { name: 'dueAt', column: 'due_at', type: { kind: 'datetime' }, optional: true, unique: false },
      { name: 'code', column: 'code', type: { kind: 'int' }, optional: true, unique: true },
    ])
  })

  it.each([
    ['text', { kind: 'text' }],
    ['bool', { kind: 'bool' }],
    ['date', { kind: 'date' }],
    ['decimal(10,2)', { kind: 'decimal', precision: 10, scale: 2 }],
    ['decimal(10, 0)', { kind: 'decimal', precision: 10, scale: 0 }],
    ['enum(open, in-progress)', { kind: 'enum', values: ['open', 'in-progress'] }],
    ['ref(project)', { kind: 'ref', table: 'projects', self: false }],
    ['ref(projects)', { kind: 'ref', table: 'projects', self: false }],
    ['ref(people)', { kind: 'ref', table: 'people', self: false }],
    ['ref(line-items)', { kind: 'ref', table: 'line_items', self: false }],
    ['ref(address)', { kind: 'ref', table: 'addresses', self: false }],
  ])('reads the type %s', (text, type) => {
    expect(typeOf(text)).toEqual(type)
  })

  it.each([
    ['title', 'expected NAME:TYPE'],
    ['title:', 'expected NAME:TYPE'],
    [':text', 'Invalid field name'],
    ['title:varchar(20)', "Unknown type 'varchar'"],
    ['title:string', 'string(N)'],
    ['title:string()', 'string(N)'],
    ['title:string(0)', 'string(N)'],
    ['title:string(10001)', 'string(N)'],
    ['title:string(1,2)', 'string(N)'],
    ['title:string(1e2)', 'string(N)'],
    ['title:text(5)', 'text without parentheses'],
    ['price:decimal(2)', 'decimal(P,S)'],
    ['price:decimal(2,2)', 'decimal(P,S)'],
    ['price:decimal(66,2)', 'decimal(P,S)'],
    ['price:decimal(60,31)', 'S of them after the point, 0 to 30 and fewer than P'],
    ['aBCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ:int', "exceeds MySQL's 64 characters"],
    ['aBCDEFGHIJKLMNOPQRSTUVWXYZABCDE:int!', "exceeds MySQL's 64 characters"],
    ['aBCDEFGHIJKLMNOPQRSTUVWXYZABCD:ref(project)', "exceeds MySQL's 64 characters"],
    ['state:enum()', 'enum(a,b)'],
    ['state:enum(Open)', 'enum(a,b)'],
    ["state:enum(a','b)", 'enum(a,b)'],
    ['state:enum(a,a)', 'different values'],
    ['project:ref()', 'ref(OTHER)'],
    [
      'project:ref(board)',
      'no resource has the table board or boards. Tables: addresses, line_items, people, projects, tickets.',
    ],
    ['owner:ref(class)', 'no resource has the table class or classes'],
    ['state:enum(a,b)!', 'an enum cannot be unique'],
    ['parent:ref(ticket)', "without '?', no first entry could be stored"],
    ['project:ref(project)!', "with '!', it needs a '?'"],
    ['title:text??', 'once each'],
    ['title:text!', 'a text cannot be unique'],
    ['done:bool!', 'a bool cannot be unique'],
    ['title:string(769)!', 'at most 768 characters'],
  ])('refuses %s: %s', (text, message) => {
    expect(() => parseFields([text], tables, 'tickets')).toThrow(CliError)
    expect(() => parseFields([text], tables, 'tickets')).toThrow(message)
  })

  it('reads a reference to the resource itself', () => {
    const [field] = parseFields(['parent:ref(ticket)?'], tables, 'tickets')
    expect(field?.type).toEqual({ kind: 'ref', table: 'tickets', self: true })
  })

  it('refuses no field, two of one column, and a row that is too long', () => {
    expect(() => parseFields([], tables, 'tickets')).toThrow('at least one field')
    expect(() => parseFields(['title:text', 'title:int'], tables, 'tickets')).toThrow(
      "Two fields have the column 'title'",
    )
    expect(() => parseFields(['a:string(10000)', 'b:string(10000)'], tables, 'tickets')).toThrow('too long for one row')
  })
})

describe('a table', () => {
  const count = (number: number, type: string) => Array.from({ length: number }, (_, index) => `field${index}:${type}`)

  it.each([
    [1001, 'int', 'at most 1,000 fields'],
    [64, 'int!', 'at most 64 keys'],
    [64, 'enum(a,b)', 'at most 64 keys'],
    [64, 'ref(project)', 'at most 64 keys'],
    [200, 'text', 'too many for one row'],
    [200, 'string(50)', 'too many for one row'],
    [300, 'decimal(65,30)', 'too many for one row'],
  ])('has no %d fields of type %s: %s', (number, type, message) => {
    expect(() => parseFields(count(number, type), tables, 'tickets')).toThrow(message)
  })

  it.each([
    [1000, 'int'],
    [63, 'int!'],
    [190, 'text'],
  ])('has %d fields of type %s', (number, type) => {
    expect(parseFields(count(number, type), tables, 'tickets')).toHaveLength(number)
  })
})

it('the longest text fits into the body of a request, also if each character has to be escaped', () => {
  const body = JSON.stringify({ ['n'.repeat(40)]: '\u0001'.repeat(longestText) })
  const [, limit] =
    /Content-Length} -gt (\d+)/.exec(readFileSync(join(repositoryRoot, 'apps/web/httpd.conf'), 'utf8')) ?? []
  expect(body.length).toBeLessThanOrEqual(Number(limit))
})

describe('isIndexed', () => {
  it('is true for what the list can be filtered by', () => {
    const fields = parseFields(['a:int!', 'b:enum(x,y)', 'c:ref(project)', 'd:int', 'e:text'], tables, 'tickets')
    expect(fields.filter(isIndexed).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })
})

describe('selection', () => {
  it.each([
    ['title', 'title', 'title'],
    ['due_at', 'dueAt', 'due_at AS dueAt'],
    // A reserved word of MySQL once its case is ignored.
    ['full_text', 'fullText', "full_text AS 'fullText'"],
    ['max_value', 'maxValue', "max_value AS 'maxValue'"],
  ])('of %s as %s is %s', (column, name, expression) => {
    expect(selection(column, name, { kind: 'int' })).toBe(expression)
  })
})

describe('foreignKey', () => {
  it('differs between tables and columns whose names together are the same', () => {
    expect(foreignKey('orders', 'items_buyer')).not.toBe(foreignKey('orders_items', 'buyer'))
  })
})
