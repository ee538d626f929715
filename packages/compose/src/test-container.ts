import { GenericContainer } from 'testcontainers'
import { testRun, testRunLabel } from './test-run.ts'

/** A container for one test run; who starts it disposes of it. */
export function testContainer(image: string): GenericContainer {
  // The reaper's image, which Testcontainers would start, cannot be pulled everywhere; removeLeftovers does its work.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
  return new GenericContainer(image).withLabels({ [testRunLabel]: testRun })
}
