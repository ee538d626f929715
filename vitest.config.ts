import { defineConfig } from 'vitest/config'

/** Shared by every workspace: each runs `vitest run --config ../../vitest.config.ts` in its own folder. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Containers start and stop within tests; what is slower than this hangs.
    testTimeout: 30_000,
    hookTimeout: 180_000,
    // The counts that .ci/run adds up.
    reporters: ['default', ['json', { outputFile: 'test-results.json' }]],
  },
})
