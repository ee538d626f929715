import { type Arena, logged, runInNetwork, services } from '../arena.ts'
import { atLeast, atMost, type Drill, failed, kept, outages } from '../drill.ts'
import type { Report } from '../hostile-client.ts'

/**
 * Malformed, oversized and smuggling requests at every tier, while ordinary clients use the same connections behind
 * the first: whoever gets another's answer sees a failed request.
 *
 * @param count how many go to each of the three tiers.
 */
export const hostileWith = (count: number): Drill => ({
  name: 'hostile',
  async run(arena) {
    const before = await arena.identities(services)
    const since = new Date().toISOString()
    const { attempts, result: reports } = await arena.underLoad(async () => [
      ...(await attack(arena, 'alb-web', count, 'alb:80', 'web:8080')),
      ...(await attack(arena, 'web-nlb', count, 'nlb:9090')),
    ])
    const unreadable = await unreadableLines(arena, since)
    const sum = (count: (report: Report) => number) => reports.reduce((total, report) => total + count(report), 0)
    const matching = (form: RegExp) =>
      sum(({ answers }) =>
        Object.entries(answers).reduce((total, [answer, n]) => total + (form.test(answer) ? n : 0), 0),
      )
    const bad = reports.flatMap(({ target, bad }) =>
      Object.entries(bad).map(([name, got]) => `${name} at ${target}: ${got}`),
    )
    const noted = bad.length > 0 ? ` (${bad.slice(0, 5).join(', ')})` : ''
    return [
      atLeast(
        'hostile requests sent',
        count * 3,
        sum(({ sent }) => sent),
      ),
      atMost('answers 5xx', 0, matching(/^5/), '', noted),
      atMost('neither answered nor closed, or not HTTP', 0, matching(/^(silent|unreadable)$/), '', noted),
      atMost('containers restarted', 0, Number(before !== (await arena.identities(services)))),
      atMost(
        'log lines that are not JSON',
        0,
        unreadable.length,
        '',
        unreadable.length > 0 ? `, as ${unreadable[0]}` : '',
      ),
      atMost("ordinary clients' failed requests", 0, failed(attempts).length, '', outages(attempts)),
      ...kept(await arena.verdict(attempts)),
    ]
  },
})

/** The tiers' own count comes to more than 10,000. */
export const hostile: Drill = hostileWith(3500)

async function attack(arena: Arena, network: string, count: number, ...targets: string[]): Promise<Report[]> {
  return JSON.parse(await runInNetwork(arena, network, 'hostile-client.ts', String(count), ...targets))
}

async function unreadableLines(arena: Arena, since: string): Promise<string[]> {
  const ids = (await Promise.all(['alb', 'web', 'app'].map((service) => arena.stack.containers(service)))).flat()
  const logs = (await Promise.all(ids.map((id) => logged(id, since)))).join('\n')
  return logs.split('\n').filter((line) => line !== '' && !isJson(line))
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
