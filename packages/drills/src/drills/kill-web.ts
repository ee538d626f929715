import type { Drill } from '../drill.ts'
import { killOne } from '../kill-one.ts'

/** One of the web tier's instances dies. */
export const killWeb: Drill = { name: 'kill-web', run: (arena) => killOne(arena, 'web') }
