import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'

/** Words that are never right here, and what to write instead. */
const replacements: readonly (readonly [wrong: RegExp, right: string])[] = [
  [/\baway\b/i, 'unavailable'],
  [/\bmend(s|ed|ing)?\b/i, 'fix, repair'],
  [/\bbefallen\b/i, 'since start'],
  [/\bwhole again\b/i, 'recovered'],
  [/\bill\b/i, 'unhealthy'],
  [/\b(for|at) (a|that|the same|the very same|this very|that very) moment\b/i, 'say when, or leave it out'],
  [/\btells\b/i, 'shows, reports, distinguishes'],
  [/\bin hand\b/i, 'in flight'],
  [/\bunder ?way\b/i, 'inFlight, in progress'],
  [/\bboxes\b/i, 'services'],
  [/\barena\b/i, 'TestEnvironment'],
  [/\bStage\b/, 'TestEnvironment'],
  [/\bverdict\b/i, 'result'],
  [/\bpatien(ce|t)\b/i, 'timeoutMultiplier'],
  [/\blean.client\b/i, 'raw HTTP client'],
  [/\bcontestants?\b/i, 'candidate'],
  [/\bComplaint\b/, 'CliError'],
  [/\bfarewells?\b/i, 'shutdownErrorCodes'],
  [/\bgive(s)? ?back\b/i, 'release'],
  [/\bkeepUp\b/, 'addMaintenance'],
  [/\bwholes\b/i, 'bodyCache'],
  [/\btoCursor\b/, 'Cursor'],
  [/\bconnectionMaxAge(Ms)?\b/, 'maxLifetimeMs'],
  [/\breadQueueLimit\b/, 'connectionQueueLimit'],
  [/\benvironment is not right\b/i, 'Invalid environment variables'],
  [/\bbeyond repair\b/i, 'uncaught error, shutting down'],
  [/\bis not possible here\b/i, 'is not allowed'],
  [/\bis there twice\b/i, 'Duplicate query parameter'],
]

/** Generated files, and this one. */
const excluded = /^package-lock\.json$|^LICENSE$|\/snapshots\/|\/results\/|\.(png|svg)$|^test\/words\.test\.ts$/

const files = git('ls-files', '--cached', '--others', '--exclude-standard')
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(repositoryRoot, file)))

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8')

const lines = files
  .filter((file) => !excluded.test(file))
  .flatMap((file) => [file, ...read(file).split('\n')].map((text, number) => ({ place: `${file}:${number}`, text })))

describe('the words of the repository', () => {
  it.each(replacements)('%s does not occur: %s', (wrong, right) => {
    const places = lines.filter(({ text }) => wrong.test(text)).map(({ place }) => place)
    expect(places, `Use instead: ${right}`).toEqual([])
  })
})
