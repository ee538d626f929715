/** Before the first test of a suite that needs Docker: an engine that the tests cannot use is an error of its own. */
export { useEngine as default } from '../src/engine.ts'
