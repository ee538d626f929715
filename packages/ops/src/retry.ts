import { setTimeout as delay } from 'node:timers/promises'
import { DockerError } from '@repo/compose'

/** Options of {@link retry}. */
export interface RetryOptions {
  /** @default 5 */
  readonly attempts?: number
  /** After which errors it is repeated. @default a failed `docker` command */
  readonly errors?: readonly (new (
    ...args: never[]
  ) => Error)[]
  /** Before the first repetition; twice as long before each further one. @default 250 */
  readonly pauseMs?: number
}

/** Repeats what may be done twice. @throws the error of the last attempt. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 5, errors = [DockerError], pauseMs = 250 } = options
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= attempts || !errors.some((each) => error instanceof each)) throw error
    }
    await delay(pauseMs * 2 ** (attempt - 1))
  }
}
