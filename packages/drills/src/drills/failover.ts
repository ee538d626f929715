import { setTimeout as delay } from 'node:timers/promises'
import { type Arena, docker, services } from '../arena.ts'
import { answeredInTime, atMost, type Check, type Drill, kept, recovery, within } from '../drill.ts'

/** After this the writer takes a silent reader for lost and goes on alone: rpl_semi_sync_source_timeout. */
const aloneAfterMs = 1000

/**
 * The writer is gone for good; the reader is promoted and gets both names. The reader hears nothing of the writer's
 * last moments, cut off as it is: only what waited for its receipt survives that.
 */
export const failover: Drill = {
  name: 'failover',
  async run(arena) {
    for (let tries = 3; ; tries -= 1) {
      const { silentMs, checks } = await failOver(arena)
      if (silentMs < aloneAfterMs) return checks
      // Then both had been lost, one after the other, and that is another story.
      if (tries === 1) throw new Error(`the machine is too busy: the reader was silent for ${Math.round(silentMs)} ms`)
    }
  },
}

async function failOver(arena: Arena): Promise<{ silentMs: number; checks: Check[] }> {
  const network = `${arena.stack.project}_app-db`
  const others = services.filter((name) => name !== 'db-writer')
  const before = await arena.identities(others)
  const { attempts, result } = await arena.underLoad(async () => {
    const [writer = ''] = await arena.stack.containers('db-writer')
    const [reader = ''] = await arena.stack.containers('db-reader')
    const silentFrom = performance.now()
    await docker('network', 'disconnect', network, reader)
    await docker('kill', writer)
    const silentMs = performance.now() - silentFrom
    await arena.stack.exec('db-reader', ['promote.sh'])
    await docker('network', 'connect', '--alias', 'db-writer', '--alias', 'db-reader', network, reader)
    const movedAt = Date.now()
    await delay(11_000)
    return { silentMs, movedAt, touched: before !== (await arena.identities(others)) }
  })
  const verdict = await arena.verdict(attempts, 'db-reader')
  await arena.renewDatabases()
  return {
    silentMs: result.silentMs,
    checks: [
      within(arena, 'whole again once the names have moved', 10, recovery(attempts, result.movedAt)),
      answeredInTime(arena, attempts),
      atMost('other containers restarted', 0, Number(result.touched)),
      ...kept(verdict),
    ],
  }
}
