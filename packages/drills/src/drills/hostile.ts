import { dockerOutput, services } from '@repo/compose'
import { atLeast, atMost, type Drill, durabilityChecks, noFailures } from '../drill.ts'
import type { Report } from '../hostile-client.ts'
import { runInNetwork } from '../network-client.ts'
import type { TestEnvironment } from '../test-environment.ts'

/**
 * Malformed, oversized and smuggling requests to every tier, while other clients use the same connections behind the
 * first tier: a client that gets another's response sees a failed request.
 *
 * @param count how many go to each of the three tiers.
 */
export const hostileWith = (count: number): Drill => ({
  name: 'hostile',
  async run(environment) {
    const before = await environment.identities(services)
    const since = new Date().toISOString()
    const { attempts, result: reports } = await environment.underLoad(async () => [
      ...(await attack(environment, 'alb-web', count, 'alb:80', 'web:8080')),
      ...(await attack(environment, 'web-nlb', count, 'nlb:9090')),
    ])
    const invalid = await invalidLogLines(environment, since)
    const sum = (count: (report: Report) => number) => reports.reduce((total, report) => total + count(report), 0)
    const answered = (pattern: RegExp) =>
      sum(({ answers }) =>
        Object.entries(answers).reduce((total, [answer, n]) => total + (pattern.test(answer) ? n : 0), 0),
      )
    const violations = reports.flatMap(({ target, violations }) =>
      Object.entries(violations).map(([name, answer]) => `${name} at ${target}: ${answer}`),
    )
    const note = violations.length > 0 ? ` (${violations.slice(0, 5).join(', ')})` : ''
    return [
      atLeast(
        'hostile requests sent',
        count * 3,
        sum(({ sent }) => sent),
      ),
      // 501 is the answer to an unknown transfer coding: https://www.rfc-editor.org/rfc/rfc9112#section-6.1
      atMost('5xx responses other than 501', 0, answered(/^5(?!01)/), '', note),
      atMost('connections left open, or answered with invalid HTTP', 0, answered(/^(open|invalid)$/), '', note),
      atMost('containers restarted', 0, Number(before !== (await environment.identities(services)))),
      atMost('log lines that are not JSON', 0, invalid.length, '', invalid.length > 0 ? ` (${invalid[0]})` : ''),
      noFailures("other clients' failed requests", attempts),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
})

/** With the three tiers more than 10,000 requests. */
export const hostile: Drill = hostileWith(3500)

async function attack(
  { topology, workload }: TestEnvironment,
  network: string,
  count: number,
  ...targets: string[]
): Promise<Report[]> {
  const args = [workload.name, String(count), ...targets]
  return JSON.parse(await runInNetwork(topology, network, 'hostile-client.ts', ...args))
}

async function invalidLogLines({ topology }: TestEnvironment, since: string): Promise<string[]> {
  const ids = (await Promise.all(['alb', 'web', 'app'].map((service) => topology.containers(service)))).flat()
  const logs = await Promise.all(ids.map((id) => dockerOutput(['logs', '--since', since, id])))
  return logs
    .flatMap(({ stdout, stderr }) => [...stdout.split('\n'), ...stderr.split('\n')])
    .filter((line) => line !== '' && !isJson(line))
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
