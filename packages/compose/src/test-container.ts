import { GenericContainer } from 'testcontainers'
import { useEngine } from './engine.ts'
import { testRun, testRunLabel } from './test-run.ts'

/** A container of this test run. The caller starts it and disposes of it. */
export function testContainer(image: string): GenericContainer {
  // Testcontainers would start its reaper, whose image cannot be pulled everywhere; removeLeftovers replaces it.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
  useEngine()
  return new GenericContainer(image).withLabels({ [testRunLabel]: testRun }).withStartupTimeout(600_000)
}
