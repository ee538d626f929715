import { setTimeout as delay } from 'node:timers/promises'

/** Limits in milliseconds. */
export interface WaitOptions {
  /** Detects a hang: longer than any condition takes on a busy machine. @default 300000 */
  readonly timeoutMs?: number
  /** @default 100 */
  readonly intervalMs?: number
}

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/**
 * Waits until `condition` resolves with a truthy value, and resolves with that value. A rejection counts as not yet.
 *
 * @param what names the condition in the error.
 * @throws when it does not hold in time, with the last reason.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 300_000, intervalMs = 100 }: WaitOptions = {},
): Promise<Truthy<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    let cause: unknown
    try {
      const result = await condition()
      if (result) return result as Truthy<T>
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) throw new Error(`Timed out after ${timeoutMs / 1000} s: ${what}`, { cause })
    await delay(intervalMs)
  }
}
