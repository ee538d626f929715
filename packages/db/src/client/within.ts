import { DatabaseTimeout } from './errors.ts'

/**
 * Waits for `work`, which goes on if it is late.
 *
 * @throws {DatabaseTimeout} with the message `late`, after `ms`.
 */
export async function within<T>(ms: number, work: Promise<T>, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseTimeout(late)), ms)
  })
  return Promise.race([work, expiry]).finally(() => clearTimeout(timer))
}
