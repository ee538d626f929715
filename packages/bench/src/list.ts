/** The list as every candidate answers it. */
export const jsonTimes = (times: readonly string[]): string => JSON.stringify(times, null, 2)

/** The size in bytes of a list of `rows` times. */
export function listBytes(rows: number): number {
  const one = jsonTimes(['2026-01-01 00:00:00']).length
  const two = jsonTimes(['2026-01-01 00:00:00', '2026-01-01 00:00:00']).length
  return rows === 0 ? jsonTimes([]).length : one + (rows - 1) * (two - one)
}
