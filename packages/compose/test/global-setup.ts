import { useEngine } from '../src/engine.ts'

/** Before the first test of a suite that needs Docker: an engine that the tests cannot use is an error of its own. */
export default function setUp(): void {
  // `npm test` passes none of what a shell has for Compose.
  for (const name of Object.keys(process.env)) if (name.startsWith('COMPOSE_')) delete process.env[name]
  useEngine()
}
