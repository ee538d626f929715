import { describe, expect, it } from 'vitest'
import { publicMessage, serializeError } from '../../src/observability/serialize-error.ts'

describe('serializeError', () => {
  it('has type, message, code and stack', () => {
    const error = Object.assign(new TypeError('wrong'), { code: 'ERR_X', secret: 'value' })
    expect(serializeError(error)).toEqual({
      type: 'TypeError',
      message: 'wrong',
      code: 'ERR_X',
      stack: expect.stringMatching(/^TypeError: wrong\n {4}at .*serialize-error\.test\.ts/),
      cause: undefined,
    })
  })

  it('ends a circular chain of causes', () => {
    const error = new Error('a')
    error.cause = error
    expect(JSON.stringify(serializeError(error)).match(/"type"/g)).toHaveLength(5)
  })

  it.each(['text', 42, null, undefined])('accepts %j, which is not an error', (thrown) => {
    expect(serializeError(thrown)).toMatchObject({ message: String(thrown), stack: '' })
  })

  it('leaves the stack out when it does not contain the message', () => {
    const error = new Error('first')
    expect(error.stack).toContain('first')
    error.message = 'second'
    expect(serializeError(error).stack).toBe('Error: second')
  })
})

describe('publicMessage', () => {
  it("is the code for an error of the database's server, whose message quotes the statement", () => {
    const error = Object.assign(new Error("near 'SECRET'"), { code: 'ER_PARSE_ERROR', errno: 1064, sqlState: '42000' })
    expect(publicMessage(error)).toBe('ER_PARSE_ERROR (1064)')
    expect(JSON.stringify(serializeError(error))).not.toContain('SECRET')
  })
})
