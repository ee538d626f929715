import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '../arena.ts'
import { answeredInTime, atMost, type Drill, kept, recovery, within } from '../drill.ts'

/**
 * The writer is gone for good; the reader is promoted and gets both names. The reader hears nothing of the writer's
 * last fifth of a second, as on a slow line: only what waited for its receipt survives that.
 */
export const failover: Drill = {
  name: 'failover',
  async run(arena) {
    const network = `${arena.stack.project}_app-db`
    const others = services.filter((name) => name !== 'db-writer')
    const before = await arena.identities(others)
    const { attempts, result } = await arena.underLoad(async () => {
      const [writer = ''] = await arena.stack.containers('db-writer')
      const [reader = ''] = await arena.stack.containers('db-reader')
      const deafFrom = Date.now()
      await docker('pause', reader)
      await delay(200)
      await docker('kill', writer)
      const deafMs = Date.now() - deafFrom
      await docker('unpause', reader)
      await arena.stack.exec('db-reader', ['promote.sh'])
      await docker('network', 'disconnect', network, reader)
      await docker('network', 'connect', '--alias', 'db-writer', '--alias', 'db-reader', network, reader)
      const movedAt = Date.now()
      await delay(11_000)
      return { deafMs, movedAt, touched: before !== (await arena.identities(others)) }
    })
    const verdict = await arena.verdict(attempts, 'db-reader')
    await arena.renewDatabases()
    return [
      // Else the writer went on without the reader, and losing both is more than is promised.
      atMost('the reader was deaf for less than the writer waits', 0.9, result.deafMs / 1000, 's'),
      within(arena, 'whole again once the names have moved', 10, recovery(attempts, result.movedAt)),
      answeredInTime(arena, attempts),
      atMost('other containers restarted', 0, Number(result.touched)),
      ...kept(verdict),
    ]
  },
}
