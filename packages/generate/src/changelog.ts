/** The entries of a changelog that are marked as breaking: `- **Breaking:** …`, over any number of lines. */
export function breakingEntries(changelog: string): string[] {
  const entries = changelog.matchAll(/^- \*\*Breaking:\*\* (.*(?:\n {2,}\S.*)*)/gm)
  return [...entries].map(([, text = '']) => text.replaceAll(/\s+/g, ' '))
}

/** Those that came with a later version of the changelog. */
export function newBreakingEntries(before: string, after: string): string[] {
  const known = new Set(breakingEntries(before))
  return breakingEntries(after).filter((entry) => !known.has(entry))
}
