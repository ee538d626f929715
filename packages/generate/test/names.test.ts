import { CliError } from '@repo/ops/cli.ts'
import { describe, expect, it } from 'vitest'
import { columnOf, namesOf } from '../src/names.ts'

describe('namesOf', () => {
  it.each(['lineItem', 'line-item'])('gives the forms of %s', (name) => {
    expect(namesOf(name)).toEqual({
      pascal: 'LineItem',
      plural: 'lineItems',
      pluralPascal: 'LineItems',
      folder: 'line-items',
      table: 'line_items',
      words: 'line item',
      aWord: 'a line item',
      pluralWords: 'line items',
    })
  })

  it.each([
    ['ticket', 'tickets'],
    ['category', 'categories'],
    ['day', 'days'],
    ['tax', 'taxes'],
    ['class-room', 'classRooms'],
    ['address', 'addresses'],
    ['status', 'statuses'],
    ['branch', 'branches'],
  ])('the plural of %s is %s', (singular, plural) => {
    expect(namesOf(singular).plural).toBe(plural)
  })

  it.each([
    ['item', 'an item'],
    ['user', 'a user'],
    ['unit', 'a unit'],
    ['utility', 'a utility'],
    ['oneTimeCode', 'a one time code'],
    ['event', 'an event'],
    ['upload', 'an upload'],
    ['umbrella', 'an umbrella'],
    ['hour', 'an hour'],
    ['house', 'a house'],
  ])('the article of %s is that of %s', (name, words) => {
    expect(namesOf(name).aWord).toBe(words)
  })

  it('takes another plural', () => {
    expect(namesOf('person', 'people')).toMatchObject({ plural: 'people', table: 'people', pascal: 'Person' })
  })

  it.each([
    ['Ticket', 'Invalid name'],
    ['my_ticket', 'Invalid name'],
    ['1ticket', 'Invalid name'],
    ['ticket-', 'Invalid name'],
    ['../ticket', 'Invalid name'],
    ['tickét', 'Invalid name'],
    ['', 'Invalid name'],
    ['x'.repeat(41), 'Invalid name'],
    ['tickets', 'looks like a plural'],
    ['class', 'reserved word of TypeScript'],
    ['endpoint', "has another use for 'endpoints'"],
    ['entry', "has another use for 'entries'"],
  ])('refuses %j: %s', (name, message) => {
    expect(() => namesOf(name)).toThrow(CliError)
    expect(() => namesOf(name)).toThrow(message)
  })

  it.each([
    ['ticket', 'groups', 'reserved word of MySQL'],
    ['ticket', 'ticket', 'must differ'],
    ['ticket', 'Tickets', 'Invalid name'],
  ])('refuses %s with the plural %s: %s', (name, plural, message) => {
    expect(() => namesOf(name, plural)).toThrow(message)
  })
})

describe('columnOf', () => {
  it('is the name with underscores', () => {
    expect(columnOf('dueAt')).toBe('due_at')
  })

  it.each([
    ['order', 'reserved word of MySQL'],
    ['id', 'already'],
    ['createdAt', 'already'],
    ['constructor', 'another use'],
    ['limit', 'reserved word of MySQL'],
    ['after', 'another use'],
    ['due_at', 'Invalid field name'],
    ['due-at', 'Invalid field name'],
    ['', 'Invalid field name'],
  ])('refuses %j: %s', (name, message) => {
    expect(() => columnOf(name)).toThrow(message)
  })
})
