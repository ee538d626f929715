import { defineConfig } from 'vitest/config'

const integration = '**/*.integration.test.ts'
const slow = '**/*.slow.test.ts'
const setup = 'test/setup/**/*.test.ts'
const e2e = 'packages/e2e/test/**/*.test.ts'

const minute = 60_000

// Longer than anything that works takes on a busy machine: a timeout detects a hang, never slowness.
const waitsForContainers = { testTimeout: 15 * minute, hookTimeout: 20 * minute }

const checksEngine = 'packages/compose/test/global-setup.ts'

/** One topology for all files, one file at a time. */
const sharesTopology = {
  ...waitsForContainers,
  globalSetup: [checksEngine, 'packages/e2e/test/global-setup.ts'],
  fileParallelism: false,
}

/** The suites, by what they need. `npx vitest run --project NAME PATH` runs a part of one. */
export default defineConfig({
  test: {
    sequence: { shuffle: { files: true, tests: false } },
    reporters: ['default', 'json'],
    // The root scripts name one per suite; .ci/run adds them up.
    outputFile: { json: 'test-results/latest.json' },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/{src,test}/**/*.test.ts', '{infra,test}/**/*.test.ts'],
          exclude: [integration, slow, setup, e2e, '**/node_modules/**'],
          // The files share their modules: half of the time would be for loading them again.
          isolate: false,
          maxWorkers: 2,
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
      {
        test: {
          name: 'setup',
          include: [setup],
          testTimeout: 5 * minute,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'integration',
          include: [`{apps,packages}/*/{src,test}/${integration}`, `{infra,test}/${integration}`],
          exclude: ['**/node_modules/**'],
          ...waitsForContainers,
          globalSetup: checksEngine,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: [e2e],
          exclude: [slow],
          ...sharesTopology,
        },
      },
      {
        test: {
          name: 'slow',
          include: [`{packages/e2e/test,test}/${slow}`],
          ...sharesTopology,
        },
      },
      {
        test: {
          // packages/e2e/test/light.slow.test.ts runs it.
          name: 'light',
          include: ['packages/e2e/test/**/{http,page}.test.ts'],
          ...sharesTopology,
        },
      },
    ],
  },
})
