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

/** Where a person reads the product's name, besides the documents. The number is how often. */
const namePlaces: Readonly<Record<string, number>> = {
  '.devcontainer/devcontainer.json': 1,
  LICENSE: 1,
  'apps/app/generate/openapi.ts': 1,
  'apps/app/src/http/openapi.json': 1,
  'apps/web/page/icon.svg': 1,
  'apps/web/page/index.html': 2,
  'infra/lib/config.ts': 1,
  'package.json': 1,
  // The labels of the benchmark's table and chart.
  'packages/bench/src/candidates.ts': 3,
  'packages/bench/src/chart.ts': 1,
  'packages/bench/test/chart-and-table.test.ts': 1,
  // The former Compose project, whose data a start must not hide, and the former names of images.
  'scripts/setup/project.sh': 1,
  'test/setup/images.test.ts': 4,
  'test/setup/project.test.ts': 7,
}

describe("the product's name", () => {
  it('occurs only in package.json, one constant of infra, and where a person reads it', () => {
    const places = files.flatMap((file) => {
      const generated = file === 'package-lock.json' || /\/(snapshots|results)\//.test(file)
      const document = /\.md$|^docs\//.test(file)
      const count = generated || document ? 0 : (read(file).match(/three[-_]?tier/gi)?.length ?? 0)
      return count > 0 && file !== 'test/words.test.ts' ? [[file, count] as const] : []
    })
    expect(Object.fromEntries(places)).toEqual(namePlaces)
  })
})
