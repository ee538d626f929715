import type { Drill } from '../drill.ts'
import { killOne } from '../kill-one.ts'

/** One web instance is killed. */
export const killWeb: Drill = { name: 'kill-web', run: (environment) => killOne(environment, 'web') }
