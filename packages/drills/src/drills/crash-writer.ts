import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '@repo/compose'
import { atMost, type Drill } from '../drill.ts'
import { writerOutageChecks } from '../writer-outage.ts'

const untilItListens = 'until (exec 3<>/dev/tcp/127.0.0.1/3306) 2>/dev/null; do sleep 0.02; done; date +%s%3N'

/** The writer's process is killed, and starts again after two seconds. */
export const crashWriter: Drill = {
  name: 'crash-writer',
  async run(environment) {
    const { topology } = environment
    const others = services.filter((name) => name !== 'db-writer')
    const before = await environment.identities(others)
    const { attempts, result } = await environment.underLoad(async (load) => {
      const [writer = ''] = await topology.containers('db-writer')
      await docker(['kill', writer])
      await delay(2000)
      await docker(['start', writer])
      const listensAt = Number(await topology.exec('db-writer', ['bash', '-c', untilItListens]))
      const recovered = await load.recovered(listensAt)
      return { since: listensAt, recovered, changed: before !== (await environment.identities(others)) }
    })
    return [
      ...(await writerOutageChecks(environment, attempts, 'recovery time of writes after the writer listens', result)),
      atMost('other containers restarted', 0, Number(result.changed)),
    ]
  },
}
