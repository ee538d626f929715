import { type Arena, until } from '../arena.ts'
import { type Drill, within } from '../drill.ts'
import { killOne } from '../kill-one.ts'

/** The reader dies: the writer answers the reads; when the reader is back, it does. */
export const killReader: Drill = {
  name: 'kill-reader',
  async run(arena) {
    const checks = await killOne(arena, 'db-reader')
    await arena.heal()
    const { result: backMs } = await arena.underLoad(async () => {
      const since = performance.now()
      const before = await selects(arena)
      // More than the health check's own questions make of it.
      await until('the reader answers reads', async () => (await selects(arena)) > before + 50, 20_000)
      return performance.now() - since
    })
    return [...checks, within(arena, 'reads are with the returned reader', 10, backMs / 1000)]
  },
}

async function selects(arena: Arena): Promise<number> {
  return Number((await arena.stack.sql('db-reader', "SHOW GLOBAL STATUS LIKE 'Com_select'")).split('\t')[1])
}
