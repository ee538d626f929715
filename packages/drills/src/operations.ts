import type { Database } from '@repo/ops/databases.ts'
import { databases } from './servers.ts'

/** Something that an operator, a crash or a disk can do. */
export interface Operation {
  /** For Bash, with the functions of operations.sh. */
  readonly command: string
  /** The server whose data it destroys. Omitted while nobody else has that data: nothing could keep it. */
  readonly destroys?: Database
  /** Whether it returns the database to a second after it began: what was acknowledged since may be lost. */
  readonly restores?: true
}

/** All of them; some are more frequent. */
const operations: readonly Operation[] = [
  ...databases.flatMap((database): Operation[] => [
    { command: `docker compose stop ${database}` },
    { command: `docker compose start ${database}` },
    { command: `docker compose start ${database}` },
    { command: `docker compose kill ${database}` },
    { command: `docker compose restart ${database}` },
    { command: `freeze ${database} 5` },
    { command: `disconnect ${database} 5` },
    { command: `replace_volume ${database}-data ${database}`, destroys: database },
  ]),
  { command: 'docker compose restart db-writer db-reader' },
  { command: 'replace_volume db-epoch db-writer db-reader' },
  { command: 'docker compose up --detach --no-deps db-writer db-reader' },
  // Waits in vain for a database that waits for a decision.
  { command: 'timeout 20 docker compose up --detach' },
  { command: 'disconnect app 5' },
  { command: 'crash app' },
  { command: 'crash web' },
  { command: 'npm run failover' },
  { command: 'npm run failover' },
  { command: 'npm run rejoin' },
  { command: 'npm run rejoin' },
  { command: 'npm run rotate-password' },
  { command: 'back_up' },
  { command: 'back_up' },
  { command: 'restore_to_now', restores: true },
  { command: 'restore_to_now', restores: true },
]

/** The result of a seed, below the folder of the results: each resource has its own. */
export const seedFile = (resource: string, seed: number) => `operations/${resource}/${seed}.json`

/** The same sequence for the same seed. */
export function drawOperations(seed: number, steps: number): readonly Operation[] {
  const random = randomNumbers(seed)
  return Array.from({ length: steps }, () => operations[Math.floor(random() * operations.length)]).filter(
    (operation) => operation !== undefined,
  )
}

/** Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Looks for a shorter sequence that fails too: leaves out ever smaller parts.
 *
 * @param fails replays a sequence.
 * @param replays the most of them.
 */
export async function shrink(
  failing: readonly Operation[],
  fails: (sequence: readonly Operation[]) => Promise<boolean>,
  replays = 10,
): Promise<readonly Operation[]> {
  let shortest = failing
  let left = replays
  for (let size = Math.ceil(failing.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.length && left > 0; left -= 1) {
      const shorter = shortest.toSpliced(at, size)
      if (shorter.length > 0 && (await fails(shorter))) shortest = shorter
      else at += size
    }
  }
  return shortest
}
