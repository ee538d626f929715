import { setTimeout as delay } from 'node:timers/promises'
import { freeze, thaw } from '@repo/compose'
import { services } from '../arena.ts'
import { answeredInTime, atLeast, atMost, type Drill, failed, kept, outages, recovery, within } from '../drill.ts'

/** The writer takes packets and says nothing, as a machine does that hangs: connections stay open and are dead. */
export const freezeWriter: Drill = {
  name: 'freeze-writer',
  async run(arena) {
    const before = await arena.identities(services)
    const { attempts, result } = await arena.underLoad(async () => {
      const [writer = ''] = await arena.stack.containers('db-writer')
      await freeze(writer)
      await delay(8000)
      const thawedAt = Date.now()
      await thaw(writer)
      await delay(5000)
      return { thawedAt, touched: before !== (await arena.identities(services)) }
    })
    const writes = attempts.filter(({ kind }) => kind === 'write')
    const reads = attempts.filter(({ kind }) => kind === 'read')
    return [
      within(arena, 'writes again once the writer thaws', 3, recovery(writes, result.thawedAt)),
      atLeast('writes refused meanwhile', 1, failed(writes).length, '', outages(writes)),
      atMost('reads that failed, from the reader', 0, failed(reads).length, '', outages(reads)),
      answeredInTime(arena, attempts),
      atMost('containers restarted', 0, Number(result.touched)),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}
