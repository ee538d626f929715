import { defineConfig } from 'vitest/config'

const containers = '**/*.integration.test.ts'
const setup = 'test/setup/**/*.test.ts'
const e2e = 'packages/e2e/test/**/*.test.ts'

/** Every suite of the repository, by what it needs. A workspace runs its own with `vitest run --root ../.. packages/db/`. */
export default defineConfig({
  test: {
    // The counts that .ci/run adds up.
    sequence: { shuffle: { files: true, tests: false } },
    reporters: ['default', ['json', { outputFile: 'test-results.json' }]],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/{src,test}/**/*.test.ts', '{infra,test}/**/*.test.ts'],
          exclude: [containers, setup, e2e, '**/node_modules/**'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'setup',
          include: [setup],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: [`{apps,packages}/*/{src,test}/${containers}`, `infra/test/${containers}`],
          // Bounds that tell a hang from a busy machine, not how fast it is.
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: [e2e],
          testTimeout: 300_000,
          hookTimeout: 900_000,
          // One topology at a time.
          fileParallelism: false,
        },
      },
    ],
  },
})
