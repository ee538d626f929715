import { setTimeout as delay } from 'node:timers/promises'
import { services, until } from '../arena.ts'
import { atMost, type Drill, failed, kept, outages, within } from '../drill.ts'

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
      await stack.sql('db-reader', 'START REPLICA SQL_THREAD')
      const started = performance.now()
      const selects = async () =>
        Number((await stack.sql('db-reader', "SHOW GLOBAL STATUS LIKE 'Com_select'")).split('\t')[1])
      const counted = await selects()
      await until('the reader answers reads', async () => (await selects()) > counted + 50, 20_000)
      return { oldest: Math.max(...ages), returned: (performance.now() - started) / 1000 }
    })
    return [
      // The bound (5 s), an interval of measuring, the fraction of a second that the list cuts off, and a second for a look.
      atMost('age of the newest time in the list', 8 * arena.patience, result.oldest, 's'),
      within(arena, 'reads are with the reader again', 10, result.returned),
      atMost('failed requests', 0, failed(attempts).length, '', outages(attempts)),
      atMost('containers restarted', 0, Number(before !== (await arena.identities(services)))),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}

/** Seconds since the newest time that the list knows; writes come all the time. */
async function age(url: string): Promise<number> {
  const from = new Date(Date.now() - 60_000).toISOString().slice(0, 23).replace('T', ' ')
  const after = Buffer.from(`${from} 1`).toString('base64url')
  const list = (await (await fetch(`${url}/read?limit=10000&after=${after}`)).json()) as string[]
  const newest = list.at(-1)
  return newest === undefined
    ? Number.POSITIVE_INFINITY
    : (Date.now() - Date.parse(`${newest.replace(' ', 'T')}Z`)) / 1000
}
