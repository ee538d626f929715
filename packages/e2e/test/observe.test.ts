import { setTimeout as delay } from 'node:timers/promises'
import { openStack, type Stack } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let stack: Stack
const prometheus = 'http://127.0.0.1:19091'

beforeAll(async () => {
  stack = await openStack({
    project: 'three-tier-test-observe',
    port: 18_085,
    env: { PROMETHEUS_PORT: '19091' },
    profiles: ['observe'],
  })
})
afterAll(() => stack?.down())

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

async function query(expression: string): Promise<readonly Sample[]> {
  const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`)
  const { data } = (await answer.json()) as { data: { result: readonly Sample[] } }
  return data.result
}

/** Asks until the answer is as wanted, and gives the last one. */
async function eventually(expression: string, wanted: (samples: readonly Sample[]) => boolean, withinMs = 30_000) {
  const deadline = performance.now() + withinMs
  for (;;) {
    const samples = await query(expression)
    if (wanted(samples) || performance.now() > deadline) return samples
    await delay(250)
  }
}

const sum = (samples: readonly Sample[]) => samples.reduce((total, { value }) => total + Number(value[1]), 0)

/** The expression of one of our alerts, from the running Prometheus. */
async function alertExpression(name: string): Promise<string> {
  const { data } = (await (await fetch(`${prometheus}/api/v1/rules`)).json()) as {
    data: { groups: { rules: { name: string; query: string }[] }[] }
  }
  const rule = data.groups.flatMap(({ rules }) => rules).find((each) => each.name === name)
  if (!rule) throw new Error(`no rule ${name}`)
  return rule.query
}

describe('the profile observe', { timeout: 60_000 }, () => {
  it('scrapes every container of every tier', async () => {
    const samples = await eventually('count by (job) (up == 1)', (found) => sum(found) === 7)
    expect(Object.fromEntries(samples.map(({ metric, value }) => [metric.job, Number(value[1])]))).toEqual({
      alb: 1,
      web: 2,
      nlb: 1,
      app: 2,
      prometheus: 1,
    })
    expect(await query('up == 0')).toEqual([])
  })

  it('counts a saved time in each tier', async () => {
    const counters = [
      'http_request_duration_seconds_count{route="/write", status="200"}',
      'save_batch_size_sum',
      'apache_accesses_total',
      'haproxy_frontend_http_responses_total{job="alb", proxy="alb", code="2xx"}',
    ]
    // A series begins with its first request: nothing until then.
    const before = await Promise.all(counters.map(async (counter) => sum(await query(counter))))
    for (let saved = 0; saved < 5; saved += 1) expect((await fetch(`${stack.url}/write`)).status).toBe(200)
    for (const [at, counter] of counters.entries()) {
      const least = Number(before[at]) + 5
      const after = sum(await eventually(counter, (samples) => sum(samples) >= least))
      expect({ [counter]: after >= least }).toEqual({ [counter]: true })
    }
  })

  it('is told of the database by the apps', async () => {
    const failing = await eventually('database_failing', (samples) => samples.length === 4)
    expect(failing.map(({ value }) => value[1])).toEqual(['0', '0', '0', '0'])
  })

  it('is not to be reached through the ALB, nor are the counters', async () => {
    for (const path of ['/metrics', '/server-status', '/server-status?auto']) {
      expect((await fetch(stack.url + path)).status, path).toBe(404)
    }
  })

  it.each([
    ['alb', 'nlb', 8405],
    ['alb', 'app', 9464],
    ['web', 'app', 9464],
    ['app', 'web', 8081],
    ['app', 'alb', 8405],
    ['db-writer', 'prometheus', 9090],
  ])('does not let %s reach %s on port %i', async (from, to, port) => {
    const addresses = (await stack.exec(to, ['bash', '-c', 'exec hostname -I'])).trim().split(' ')
    const attempts = addresses.map((address) =>
      stack.exec(from, ['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`]),
    )
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.map(({ status }) => status)).toEqual(addresses.map(() => 'rejected'))
  })

  it('alerts when an app is gone, and when all are', async () => {
    const lost = await alertExpression('InstanceLost')
    const untargeted = await alertExpression('NoTarget')
    expect([await query(lost), await query(untargeted)]).toEqual([[], []])
    await stack.compose('up', '--detach', '--no-recreate', '--no-deps', '--scale', 'app=1', 'app')
    expect((await eventually(lost, (found) => found.length > 0)).map(({ metric }) => metric.job)).toEqual(['app'])
    await stack.compose('stop', '--timeout', '1', 'app')
    const samples = await eventually(untargeted, (found) => found.length > 0)
    expect(samples.map(({ metric }) => metric.proxy)).toEqual(['app'])
  })
})
