import { DatabaseError } from '@repo/db'
import { describe, expect, it } from 'vitest'
import { InvalidFields } from '../../src/http/problem.ts'
import { given, refuseField, toDateTime, where } from '../../src/resources/rows.ts'

describe('where', () => {
  it('has the conditions whose value is given, and their values', () => {
    expect(where({ 'id < ?': 5, 'state = ?': undefined, 'done = ?': false })).toEqual({
      sql: 'WHERE id < ? AND done = ?',
      values: [5, false],
    })
  })

  it('is empty without a condition', () => {
    expect(where({ 'id < ?': undefined })).toEqual({ sql: '', values: [] })
  })
})

describe('given', () => {
  it('leaves out what is not given, but not null', () => {
    expect(given({ title: 'x', body: undefined, due: null })).toEqual({ title: 'x', due: null })
  })
})

describe('toDateTime', () => {
  it('is the time as MySQL takes it', () => {
    expect(toDateTime('2026-11-22T09:33:53.123Z')).toBe('2026-11-22 09:33:53.123')
    expect(toDateTime('2026-11-22T09:33:53Z')).toBe('2026-11-22 09:33:53')
  })
})

describe('refuseField', () => {
  const refuse = refuseField({ 'notes.unique_title': { field: 'title', detail: 'is taken' } })
  const duplicate = (key: string) =>
    new DatabaseError('duplicate', { errno: 1062, sqlMessage: `Duplicate entry 'x' for key '${key}'` })

  it('names the field of a constraint', () => {
    expect(() => refuse(duplicate('notes.unique_title'))).toThrow(
      new InvalidFields([{ field: 'title', detail: 'is taken' }]),
    )
  })

  it.each([duplicate('notes.PRIMARY'), new Error('something else')])('passes on %s', (error) => {
    expect(() => refuse(error)).toThrow(error)
  })
})
