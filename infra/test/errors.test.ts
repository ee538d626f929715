import { MigrationError } from '@repo/db'
import { expect, it } from 'vitest'
import { FunctionError, withSafeErrors } from '../functions/errors.ts'

const nested = new AggregateError([new Error('hunter2')], 'hunter2', { cause: new Error('hunter2') })

it.each([
  [
    "the driver's error",
    Object.assign(new Error("near 'hunter2'"), { code: 'ER_PARSE_ERROR', sql: "'hunter2'" }),
    'ER_PARSE_ERROR',
  ],
  ['an error that the driver has no code for', Object.assign(new Error("'hunter2'"), { errno: 9999 }), '9999'],
  ["the SDK's error", Object.assign(new Error('hunter2'), { name: 'InvalidRequest', $metadata: {} }), 'InvalidRequest'],
  ["the SDK's error without a response", new Error('hunter2', { cause: { $response: 'hunter2' } }), 'Error'],
  ["a parser's error", new SyntaxError("'hunter2' is not valid JSON"), 'SyntaxError'],
  ["the runtime's error", new TypeError('cannot read properties of hunter2'), 'TypeError'],
  ['several errors', nested, 'AggregateError'],
  ['something that is no error', 'hunter2', 'unknown error'],
  ['an error of the function', new FunctionError('missing host', { cause: nested }), 'FunctionError: missing host'],
  [
    'an error of a migration',
    new MigrationError('0001_a: failed', { cause: nested }),
    'MigrationError: 0001_a: failed',
  ],
])('a step that throws %s fails with its name and the reason', async (_error, error, reason) => {
  const failure = await withSafeErrors('setSecret', () => Promise.reject(error)).catch((thrown: unknown) => thrown)
  expect(failure).toEqual(new Error(`setSecret: ${reason}`))
  expect(Object.getOwnPropertyNames(failure).sort()).toEqual(['message', 'stack'])
  expect((failure as Error).stack).not.toContain('hunter2')
})
