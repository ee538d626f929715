import { describe, expect, it } from 'vitest'
import { DatabaseError, toDatabaseError } from '../../src/client/errors.ts'
import { bytesOf } from '../bytes-of.ts'

/** As mysql2 makes it of what a server says. */
const refused = (sqlMessage: string, errno = 1064) =>
  Object.assign(new Error(sqlMessage), {
    code: 'ER_PARSE_ERROR',
    errno,
    sqlState: '42000',
    sqlMessage,
    sql: "INSERT INTO secrets VALUES ('hunter2')",
  })

describe('toDatabaseError', () => {
  it('keeps the code, the number and the state of what the server said, and none of its text', () => {
    const error = toDatabaseError(refused("You have an error near 'hunter2') ON secrets"))
    expect(error).toBeInstanceOf(DatabaseError)
    expect(error).toMatchObject({ code: 'ER_PARSE_ERROR', errno: 1064, sqlState: '42000', fatal: false })
    expect(error.message).toBe('ER_PARSE_ERROR (1064, SQLSTATE 42000)')
    expect(bytesOf(error)).not.toMatch(/hunter2|secrets/)
  })

  it('keeps the line of a syntax error', () => {
    expect(toDatabaseError(refused("You have an error near 'hunter2' at line 12")).message).toBe(
      'ER_PARSE_ERROR (1064, SQLSTATE 42000) at line 12',
    )
  })

  it.each([
    [1062, "Duplicate entry 'hunter2' for key 'secrets.by_name'", 'secrets.by_name'],
    [1062, "Duplicate entry 'x' for key 'hunter2' for key 'secrets.by_name'", 'secrets.by_name'],
    [
      1452,
      'Cannot add or update a child row: a foreign key constraint fails (`db`.`secrets`, CONSTRAINT `secrets_owner` ' +
        'FOREIGN KEY (`owner`) REFERENCES `owners` (`id`))',
      'secrets_owner',
    ],
    [1064, "You have an error near ' for key 'hunter2'", undefined],
  ])('keeps the name of the constraint of error %d: %s', (errno, message, constraint) => {
    const error = toDatabaseError(refused(message, errno))
    expect(error.constraint).toBe(constraint)
    expect(bytesOf(error)).not.toContain('hunter2')
  })

  it('keeps the message of an error that is not from the server', () => {
    const lost = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', fatal: true, sql: 'hunter2' })
    const error = toDatabaseError(lost)
    expect(error).toMatchObject({ message: 'connect ECONNREFUSED', code: 'ECONNREFUSED', fatal: true })
    expect(bytesOf(error)).not.toContain('hunter2')
  })

  it('says the code of an error without a message, as Node makes it for a name with several addresses', () => {
    const error = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
    expect(toDatabaseError(error).message).toBe('ECONNREFUSED')
  })
})
