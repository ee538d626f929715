import { expect, it } from 'vitest'
import { type ColumnType, isWider } from '../../src/compatibility/column-types.ts'

const textBytes: Readonly<Record<string, number>> = { tinytext: 255, text: 65_535, mediumtext: 16_777_215 }

/** A column as the server describes it; a text is in utf8mb4 unless a character set follows. */
function column(description: string): ColumnType {
  const [type = '', charset = 'utf8mb4'] = description.split(' in ')
  const [, name = '', length = 0] = /^(\w+)(?:\((\d+)\))?/.exec(type) ?? []
  if (textBytes[name]) return { type, characters: textBytes[name], bytes: textBytes[name], charset }
  if (/char$/.test(name)) {
    return { type, characters: Number(length), bytes: Number(length) * (charset === 'utf8mb4' ? 4 : 1), charset }
  }
  if (/binary$/.test(name)) return { type, characters: Number(length), bytes: Number(length), charset: '' }
  return { type, characters: 0, bytes: 0, charset: '' }
}

it.each([
  ['int', 'int'],
  ['int', 'bigint'],
  ['tinyint(1)', 'int'],
  ['int unsigned', 'bigint'],
  ['int unsigned', 'bigint unsigned'],
  ['decimal(8,2)', 'decimal(10,2)'],
  ['decimal(8,2) unsigned', 'decimal(8,2)'],
  ['float', 'double'],
  ['varchar(100)', 'varchar(200)'],
  ['char(10)', 'varchar(10)'],
  ['varchar(200)', 'text'],
  ['text', 'mediumtext'],
  ['varchar(100) in latin1', 'varchar(100)'],
  ['varbinary(16)', 'varbinary(32)'],
  ['binary(16)', 'binary(16)'],
  ['datetime(3)', 'datetime(3)'],
  ['date', 'date'],
  ["enum('a','b')", "enum('a','b','c')"],
  ["set('a')", "set('a','b')"],
  ['json', 'json'],
])('%s becomes %s without loss', (from, to) => {
  expect(isWider(column(to), column(from))).toBe(true)
})

it.each([
  ['bigint', 'int'],
  ['int', 'int unsigned'],
  ['int unsigned', 'int'],
  ['int', 'varchar(20)'],
  ['int', 'decimal(20,0)'],
  ['decimal(10,2)', 'decimal(8,2)'],
  ['decimal(10,2)', 'decimal(12,3)'],
  ['decimal(10,2)', 'decimal(10,2) unsigned'],
  ['double', 'float'],
  ['varchar(200)', 'varchar(100)'],
  ['varchar(10)', 'char(10)'],
  ['varchar(200)', 'tinytext'],
  ['text', 'varchar(1000)'],
  ['mediumtext', 'text'],
  ['varchar(100)', 'varchar(400) in latin1'],
  ['varbinary(16)', 'binary(16)'],
  ['binary(16)', 'binary(32)'],
  ['varchar(10)', 'varbinary(40)'],
  ['datetime(3)', 'datetime'],
  ['datetime', 'datetime(3)'],
  ['datetime', 'date'],
  ['date', 'datetime'],
  ['timestamp', 'datetime'],
  ["enum('a','b')", "enum('a')"],
  ["enum('a','b')", "enum('b','a')"],
  ["enum('a','b')", 'varchar(1)'],
  ["enum('a,b')", "enum('a','b')"],
  ['json', 'text'],
  ['bit(1)', 'bit(2)'],
])('%s does not become %s', (from, to) => {
  expect(isWider(column(to), column(from))).toBe(false)
})
