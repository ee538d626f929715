import type { Check } from './drill.ts'

/** A check, and the drill that it belongs to. */
export interface Row extends Check {
  readonly drill: string
}

/** `not judged` for a bound on time where times are not judged. */
export type Result = 'ok' | 'BROKEN' | 'not judged'

/** @param judgesTimes whether the machine is fast and quiet enough for bounds on time. */
export const resultOf = ({ ok, timeBound }: Check, judgesTimes: boolean): Result =>
  timeBound && !judgesTimes ? 'not judged' : ok ? 'ok' : 'BROKEN'

/** The results as a table for a terminal; each drill's name appears once. */
export function formatTable(rows: readonly Row[], judgesTimes: boolean): string {
  const head = ['drill', 'promise', 'bound', 'measured', '']
  const cells = rows.map((row, index) => [
    rows[index - 1]?.drill === row.drill ? '' : row.drill,
    row.promise,
    row.bound,
    row.measured,
    resultOf(row, judgesTimes),
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n')
}
