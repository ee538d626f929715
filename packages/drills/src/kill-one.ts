import { setTimeout as delay } from 'node:timers/promises'
import { type Arena, docker, services } from './arena.ts'
import { answeredInTime, atMost, type Check, kept, outages, recovery, within } from './drill.ts'

/** Kills one container of a service under load, without a word, and lets it stay away. */
export async function killOne(arena: Arena, service: 'web' | 'app' | 'db-reader'): Promise<Check[]> {
  const others = services.filter((name) => name !== service)
  const before = await arena.identities(others)
  const { attempts, result } = await arena.underLoad(async () => {
    const [victim = ''] = await arena.stack.containers(service)
    const at = Date.now()
    await docker('kill', victim)
    await delay(4000)
    return { at, touched: before !== (await arena.identities(others)) }
  })
  return [
    within(arena, 'whole again', 2, recovery(attempts, result.at), outages(attempts)),
    answeredInTime(arena, attempts),
    atMost('other containers restarted', 0, Number(result.touched)),
    ...kept(await arena.verdict(attempts)),
  ]
}
