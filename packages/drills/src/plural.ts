/** The plural of a name such as `line-item`, by the rules of English. */
export function pluralOf(name: string): string {
  if (/[^aeiou-]y$/.test(name)) return name.replace(/y$/, 'ies')
  return /(s|x|z|ch|sh)$/.test(name) ? `${name}es` : `${name}s`
}
