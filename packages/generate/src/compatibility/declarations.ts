import { breakingEntries } from '../changelog.ts'
import type { BrokenPlace } from './contract.ts'

/** The two versions of a changelog. */
export interface Changelogs {
  /** Of the release before. */
  readonly before: string
  readonly after: string
}

/** What of the breaks and of their declarations has no counterpart. */
export interface Unmatched {
  readonly undeclared: readonly BrokenPlace[]
  /** Places that the changelog declares, and that do not break. */
  readonly stale: readonly string[]
}

/**
 * Compares the places of the OpenAPI document that break with those that the changelog declares: in an entry that is
 * marked as breaking, a code span with the place. Declarations of the release before are past.
 */
export function matchDeclarations(broken: readonly BrokenPlace[], { before, after }: Changelogs): Unmatched {
  const past = declaredPlaces(before)
  const declared = declaredPlaces(after).filter((place) => {
    const index = past.indexOf(place)
    if (index >= 0) past.splice(index, 1)
    return index < 0
  })
  return {
    undeclared: broken.filter(({ place }) => !declared.includes(place)),
    stale: declared.filter((place) => !broken.some((each) => each.place === place)),
  }
}

/** The code spans that begin with a method and a path, or with a part that operations share. */
function declaredPlaces(changelog: string): string[] {
  const spans = breakingEntries(changelog).flatMap((entry) => [...entry.matchAll(/`([^`]+)`/g)])
  return spans.map(([, span = '']) => span).filter((span) => /^(?:[A-Z]+ \/|components\.)/.test(span))
}
