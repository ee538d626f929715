import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { read } from './documents.ts'

const files = git('ls-files', '--cached', '--others', '--exclude-standard')
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(repositoryRoot, file)))

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
  'packages/bench/test/chart-and-table.test.ts': 2,
  // The former Compose project, whose data a start must not hide, and the former names of images.
  'scripts/setup/project.sh': 1,
  'test/guide.integration.test.ts': 2,
  'test/guide.slow.test.ts': 3,
  'test/setup/images.test.ts': 4,
  'test/setup/project.test.ts': 7,
}

describe("the product's name", () => {
  it('occurs only in package.json, one constant of infra, and where a person reads it', () => {
    const places = files.flatMap((file) => {
      const generated = file === 'package-lock.json' || /\/(snapshots|results)\//.test(file)
      const document = /\.md$|^docs\//.test(file)
      const count = generated || document ? 0 : (read(file).match(/three[-_]?tier/gi)?.length ?? 0)
      return count > 0 && file !== 'test/product-name.test.ts' ? [[file, count] as const] : []
    })
    expect(Object.fromEntries(places)).toEqual(namePlaces)
  })
})
