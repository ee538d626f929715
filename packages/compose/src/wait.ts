import { setTimeout as delay } from 'node:timers/promises'

/** How long to wait, in milliseconds. */
export interface WaitOptions {
  /** Longer than anything that works takes on a busy machine. @default 300000 */
  readonly timeoutMs?: number
  /** @default 100 */
  readonly intervalMs?: number
}

/**
 * Waits until `condition` resolves with something truthy, and resolves with that. A condition that rejects does not hold
 * yet.
 *
 * @param what names the condition in the error.
 * @throws when it does not hold in time, with the last reason.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 300_000, intervalMs = 100 }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    let cause: unknown
    try {
      const result = await condition()
      if (result) return result
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause })
    await delay(intervalMs)
  }
}
