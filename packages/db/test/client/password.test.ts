import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../../src/client/errors.ts'
import { connectWithPassword } from '../../src/client/password.ts'

const denied = new DatabaseError('refused', { code: 'ER_ACCESS_DENIED_ERROR', errno: 1045 })

/** A server that accepts only the password `new`; the source gives `old` as often as the test says. */
function rotation(oldAnswers: number) {
  const tried: string[] = []
  let asked = 0
  return {
    tried,
    password: async () => (asked++ < oldAnswers ? 'old' : 'new'),
    async connect(password: string) {
      tried.push(password)
      if (password !== 'new') throw denied
      return 'connected'
    },
  }
}

describe('a refused password', () => {
  it('is followed at once by another one, and is itself tried only once', async () => {
    const { tried, password, connect } = rotation(4)
    expect(await connectWithPassword(password, connect, 300_000)).toBe('connected')
    expect(tried).toEqual(['old', 'new'])
  })

  it('is the error when there is no other one in time', async () => {
    const { tried, password, connect } = rotation(Number.POSITIVE_INFINITY)
    await expect(connectWithPassword(password, connect, 60)).rejects.toBe(denied)
    expect(tried).toEqual(['old'])
  })
})

it('does not wait for another password after any other error', async () => {
  const lost = new DatabaseError('lost', { code: 'ECONNREFUSED' })
  let asked = 0
  const password = async () => `${++asked}`
  await expect(connectWithPassword(password, () => Promise.reject(lost), 300_000)).rejects.toBe(lost)
  expect(asked).toBe(1)
})
