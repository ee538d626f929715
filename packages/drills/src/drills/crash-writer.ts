import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '../arena.ts'
import { answeredInTime, atLeast, atMost, type Drill, failed, kept, outages, recovery, within } from '../drill.ts'

const readiness = 'until (exec 3<>/dev/tcp/127.0.0.1/3306) 2>/dev/null; do sleep 0.02; done; date +%s%3N'

/** The writer's process dies and starts again. */
export const crashWriter: Drill = {
  name: 'crash-writer',
  async run(arena) {
    const others = services.filter((name) => name !== 'db-writer')
    const before = await arena.identities(others)
    const { attempts, result } = await arena.underLoad(async () => {
      const [writer = ''] = await arena.stack.containers('db-writer')
      await docker('kill', writer)
      const killedAt = Date.now()
      await delay(2000)
      await docker('start', writer)
      const acceptsAt = Number(await arena.stack.exec('db-writer', ['bash', '-c', readiness]))
      await delay(5000)
      return { killedAt, acceptsAt, touched: before !== (await arena.identities(others)) }
    })
    const writes = attempts.filter(({ kind }) => kind === 'write')
    const reads = attempts.filter(({ kind }) => kind === 'read')
    return [
      within(arena, 'writes again once the writer accepts connections', 3, recovery(writes, result.acceptsAt)),
      atLeast('writes refused meanwhile', 1, failed(writes).length, '', outages(writes)),
      atMost('reads that failed, from the reader', 0, failed(reads).length, '', outages(reads)),
      answeredInTime(arena, attempts),
      atMost('other containers restarted', 0, Number(result.touched)),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}
