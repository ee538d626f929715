import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseError } from './errors.ts'

const pollMs = 25

/**
 * Connects with the current password. When the server refuses it, a rotation may be in progress: connects again as soon as
 * there is another one. Asking for the password costs the server nothing, other than a refused connection.
 *
 * @throws {DatabaseError} when the password stays the same for `waitMs`, or the server refuses the other one too.
 */
export async function connectWithPassword<T>(
  password: () => Promise<string>,
  connect: (password: string) => Promise<T>,
  waitMs: number,
): Promise<T> {
  const refused = await password()
  try {
    return await connect(refused)
  } catch (error) {
    if (!(error instanceof DatabaseError && error.errno === accessDenied)) throw error
    const deadline = performance.now() + waitMs
    for (;;) {
      const current = await password()
      if (current !== refused) return connect(current)
      if (performance.now() > deadline) throw error
      await delay(pollMs)
    }
  }
}

// ER_ACCESS_DENIED_ERROR
const accessDenied = 1045
