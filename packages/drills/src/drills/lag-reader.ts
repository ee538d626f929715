import { setTimeout as delay } from 'node:timers/promises'
import { services } from '../arena.ts'
import { atMost, type Drill, failed, kept, outages, within } from '../drill.ts'
import { readsReturn } from '../reads.ts'

/** The reader receives but does not apply: its rows grow old, and the writer answers the reads instead. */
export const lagReader: Drill = {
  name: 'lag-reader',
  async run(arena) {
    const { stack } = arena
    const before = await arena.identities(services)
    const { attempts, result } = await arena.underLoad(async () => {
      await stack.sql('db-reader', 'STOP REPLICA SQL_THREAD')
      const ages: number[] = []
      const end = performance.now() + 15_000
      while (performance.now() < end) {
        ages.push(await age(stack.url))
        await delay(200)
      }
      const newest = await stack.sql('db-writer', 'SELECT @@GLOBAL.gtid_executed')
      await stack.sql('db-reader', `START REPLICA SQL_THREAD; SELECT WAIT_FOR_EXECUTED_GTID_SET('${newest}', 60)`)
      return { oldest: Math.max(...ages), returned: await readsReturn(arena) }
    })
    return [
      // DB_READER_LAG_LIMIT_MS and one interval of measuring; docs/decisions/0011.
      atMost('age of the newest time in the list', 6 * arena.patience, result.oldest, 's'),
      within(arena, 'reads are with the reader that caught up', 3, result.returned),
      atMost('failed requests', 0, failed(attempts).length, '', outages(attempts)),
      atMost('containers restarted', 0, Number(before !== (await arena.identities(services)))),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}

/** Seconds since the newest time that the list knows had passed, as it cuts off fractions; writes come all the time. */
async function age(url: string): Promise<number> {
  const from = new Date(Date.now() - 60_000).toISOString().slice(0, 23).replace('T', ' ')
  const after = Buffer.from(`${from} 1`).toString('base64url')
  const list = (await (await fetch(`${url}/read?limit=10000&after=${after}`)).json()) as string[]
  const newest = list.at(-1)
  return newest === undefined
    ? Number.POSITIVE_INFINITY
    : (Date.now() - Date.parse(`${newest.replace(' ', 'T')}.999Z`)) / 1000
}
