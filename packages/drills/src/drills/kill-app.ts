import type { Drill } from '../drill.ts'
import { killOne } from '../kill-one.ts'

/** One of the app tier's instances dies. */
export const killApp: Drill = { name: 'kill-app', run: (arena) => killOne(arena, 'app') }
