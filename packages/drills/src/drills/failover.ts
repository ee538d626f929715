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
      // The writer waits a second for the reader and then goes on alone. A busy machine takes as long for a command.
      await arena.stack.sql('db-writer', 'SET GLOBAL rpl_semi_sync_source_timeout = 60000')
      await docker('pause', reader)
      await delay(200)
      await docker('kill', writer)
      await docker('unpause', reader)
      await arena.stack.exec('db-reader', ['promote.sh'])
      await docker('network', 'disconnect', network, reader)
      await docker('network', 'connect', '--alias', 'db-writer', '--alias', 'db-reader', network, reader)
      const movedAt = Date.now()
      await delay(11_000)
      return { movedAt, touched: before !== (await arena.identities(others)) }
    })
    const verdict = await arena.verdict(attempts, 'db-reader')
    await arena.renewDatabases()
    return [
      within(arena, 'whole again once the names have moved', 10, recovery(attempts, result.movedAt)),
      answeredInTime(arena, attempts),
      atMost('other containers restarted', 0, Number(result.touched)),
      ...kept(verdict),
    ]
  },
}
