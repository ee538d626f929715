import { type Arena, docker, until } from '../arena.ts'
import { answeredInTime, atLeast, atMost, type Drill, failed, kept, outages } from '../drill.ts'

/**
 * App and web containers are replaced one at a time, as a deployment does: first the new one, then the old.
 *
 * @param each how many of each tier.
 */
export const rollingWith = (each: number): Drill => ({
  name: 'rolling',
  async run(arena) {
    const { attempts, result: replaced } = await arena.underLoad(async () => {
      return (await replace(arena, 'app', each)) + (await replace(arena, 'web', each))
    })
    return [
      atLeast('containers replaced', 2 * each, replaced),
      atMost('failed requests', 0, failed(attempts).length, '', outages(attempts)),
      answeredInTime(arena, attempts),
      ...kept(await arena.verdict(attempts)),
    ]
  },
})

/** All of them. */
export const rolling: Drill = rollingWith(2)

async function replace(arena: Arena, service: 'app' | 'web', count: number): Promise<number> {
  const old = (await arena.stack.containers(service)).slice(0, count)
  for (const container of old) {
    const before = await arena.stack.containers(service)
    await arena.stack.compose('up', '--detach', '--no-deps', '--no-recreate', '--scale', `${service}=3`, service)
    const [added = ''] = (await arena.stack.containers(service)).filter((id) => !before.includes(id))
    await until(`the new ${service} is healthy`, async () => {
      return (await docker('inspect', '--format', '{{.State.Health.Status}}', added)) === 'healthy'
    })
    // SIGTERM or SIGWINCH, as the image says; killed when it takes longer than Compose would give it.
    await docker('stop', '--time', '30', container)
    await docker('rm', container)
  }
  const now = await arena.stack.containers(service)
  return old.filter((container) => !now.includes(container)).length
}
