/** The middle value, or the mean of the middle two; undefined for no value. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2
}

/** The range as a fraction of the median; 0 for fewer than two values. */
export function spread(values: readonly number[]): number {
  const middle = median(values)
  return middle ? (Math.max(...values) - Math.min(...values)) / middle : 0
}

/** To three significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(3))

/** The median to three significant digits; undefined for no value. */
export function roundedMedian(values: readonly number[]): number | undefined {
  const middle = median(values)
  return middle === undefined ? undefined : rounded(middle)
}
