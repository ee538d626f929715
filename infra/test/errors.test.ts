import { expect, it } from 'vitest'
import { withSafeErrors } from '../functions/errors.ts'

it.each([
  [
    "the driver's error",
    Object.assign(new Error("near 'hunter2'"), { code: 'ER_PARSE_ERROR', sql: "'hunter2'" }),
    'ER_PARSE_ERROR',
  ],
  ['an error that the driver has no code for', Object.assign(new Error("'hunter2'"), { errno: 9999 }), '9999'],
  ["the SDK's error", Object.assign(new Error('hunter2'), { name: 'InvalidRequest', $metadata: {} }), 'InvalidRequest'],
  ["a parser's error", new SyntaxError("'hunter2' is not valid JSON"), 'SyntaxError'],
  ['an error of the function', new TypeError('no host', { cause: 'hunter2' }), 'TypeError: no host'],
])('a step that throws %s fails with its name and the reason', async (_error, error, reason) => {
  const failure = await withSafeErrors('setSecret', () => Promise.reject(error)).catch((thrown: unknown) => thrown)
  expect(failure).toEqual(new Error(`setSecret: ${reason}`))
  expect(Object.getOwnPropertyNames(failure).sort()).toEqual(['message', 'stack'])
  expect((failure as Error).stack).not.toContain('hunter2')
})
