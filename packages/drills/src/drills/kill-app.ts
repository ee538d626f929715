import type { Drill } from '../drill.ts'
import { killOne } from '../kill-one.ts'

/** One app instance is killed. */
export const killApp: Drill = { name: 'kill-app', run: (environment) => killOne(environment, 'app') }
