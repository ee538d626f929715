import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '../arena.ts'
import { answeredInTime, atLeast, atMost, type Drill, failed, kept, outages, recovery, within } from '../drill.ts'

/** The app tier is cut off from both databases, and joined again. */
export const partition: Drill = {
  name: 'partition',
  async run(arena) {
    const network = `${arena.stack.project}_app-db`
    const apps = await arena.stack.containers('app')
    const before = await arena.identities(services)
    const { attempts, result } = await arena.underLoad(async () => {
      await Promise.all(apps.map((app) => docker('network', 'disconnect', network, app)))
      await delay(6000)
      await Promise.all(apps.map((app) => docker('network', 'connect', '--alias', 'app', network, app)))
      const healedAt = Date.now()
      await delay(5000)
      return { healedAt, touched: before !== (await arena.identities(services)) }
    })
    return [
      within(arena, 'whole again once healed', 3, recovery(attempts, result.healedAt)),
      atLeast('requests refused meanwhile', 1, failed(attempts).length, '', outages(attempts)),
      answeredInTime(arena, attempts),
      atMost('containers restarted', 0, Number(result.touched)),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}
