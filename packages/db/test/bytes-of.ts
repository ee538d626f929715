/** Everything that an error holds: all own properties, enumerable or not, through causes and nested errors. */
export function bytesOf(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (seen.has(value)) return ''
  seen.add(value)
  return Reflect.ownKeys(value)
    .map((key) => `${String(key)}: ${bytesOf(Reflect.get(value, key), seen)}`)
    .join('\n')
}
