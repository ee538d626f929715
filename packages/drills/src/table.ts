import type { Check } from './drill.ts'

/** A check, and whose. */
export interface Row extends Check {
  readonly drill: string
}

/** The results as a table for a terminal; each drill's name stands once. */
export function table(rows: readonly Row[]): string {
  const head = ['drill', 'promise', 'bound', 'measured', '']
  const cells = rows.map(({ drill, promise, bound, measured, ok }, at) => [
    rows[at - 1]?.drill === drill ? '' : drill,
    promise,
    bound,
    measured,
    ok ? 'ok' : 'BROKEN',
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n')
}
