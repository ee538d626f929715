import { type Drill, within } from '../drill.ts'
import { killOne } from '../kill-one.ts'
import { readsReturn } from '../reads.ts'

/** The reader dies: the writer answers the reads; when the reader is back, it does. */
export const killReader: Drill = {
  name: 'kill-reader',
  async run(arena) {
    const checks = await killOne(arena, 'db-reader')
    await arena.heal()
    const { result: seconds } = await arena.underLoad(() => readsReturn(arena))
    return [...checks, within(arena, 'reads are with the returned reader', 3, seconds)]
  },
}
