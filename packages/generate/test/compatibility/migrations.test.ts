import { expect, it } from 'vitest'
import { compareFiles, lostRights, newOnes } from '../../src/compatibility/migrations.ts'

const create = { name: '0001_create', sql: '-- App user: SELECT, INSERT ON a\nCREATE TABLE a (id INT)' }
const extend = { name: '0003_extend', sql: 'ALTER TABLE a ADD COLUMN b INT' }
const before = [create, extend]

const problems = (...after: readonly { name: string; sql: string }[]) =>
  compareFiles(before, after).map(({ name, findings }) => `${name}: ${findings.map(({ problem }) => problem).join()}`)

it('accepts further migrations', () => {
  const added = { name: '0004_more', sql: 'ALTER TABLE a ADD COLUMN c INT' }
  expect(problems(...before, added)).toEqual([])
  expect(newOnes(before, [...before, added])).toEqual([added])
})

it('accepts one of a later version below those of the project, in the order of each', () => {
  const own = { name: '1001_own', sql: 'ALTER TABLE a ADD COLUMN d INT' }
  const later = { name: '0004_later', sql: 'ALTER TABLE a ADD COLUMN c INT' }
  const early = { name: '0002_early', sql: 'SELECT 1' }
  const compare = (after: readonly { name: string; sql: string }[]) =>
    compareFiles([...before, own], after).map(({ name, findings }) => [name, findings[0]?.problem])
  expect(compare([...before, later, own])).toEqual([])
  expect(compare([create, early, extend, own])).toEqual([['0002_early', 'its number is not after that of 0003_extend']])
  const second = { name: '1002_second', sql: 'ALTER TABLE a ADD COLUMN e INT' }
  expect(
    compareFiles([...before, second], [...before, own, second]).map(({ findings }) => findings[0]?.problem),
  ).toEqual(['its number is not after that of 1002_second'])
  expect(compareFiles(before, [...before, own])).toEqual([])
})

it('accepts further rights in a former file', () => {
  expect(problems({ ...create, sql: create.sql.replace('SELECT,', 'SELECT, UPDATE,') }, extend)).toEqual([])
})

it.each([
  ['changed', '0003_extend: the file was changed', [create, { ...extend, sql: 'ALTER TABLE a ADD COLUMN b BIGINT' }]],
  ['removed', '0003_extend: the file is gone or has another name', [create]],
  ['renumbered', '0003_extend: the file is gone or has another name', [create, { ...extend, name: '0005_extend' }]],
  [
    'stripped of a right',
    "0001_create: the app's user no longer has INSERT on a",
    [{ ...create, sql: create.sql.replace(', INSERT', '') }, extend],
  ],
  [
    'preceded by a new one',
    '0002_between: its number is not after that of 0003_extend',
    [create, { name: '0002_between', sql: 'SELECT 1' }, extend],
  ],
])('refuses a former file that was %s', (_what, problem, after) => {
  expect(problems(...after)).toEqual([problem])
})

it('lists each right that a later declaration takes', () => {
  const narrower = { name: '0004_narrower', sql: '-- App user: SELECT ON a\nALTER TABLE a COMMENT = ""' }
  expect(lostRights(before, [...before, narrower]).map(({ object }) => object)).toEqual(['a.INSERT'])
  expect(lostRights([...before, narrower], before)).toEqual([])
})
