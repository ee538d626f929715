import { docker, waitFor } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { restoreTopology, topology } from './topology.ts'

const prometheus = `http://127.0.0.1:${topology.env.PROMETHEUS_PORT}`

beforeAll(async () => {
  // Without the samples of earlier files, which scale the tiers.
  await topology.compose('rm', '--stop', '--force', 'prometheus')
  await docker(['volume', 'rm', `${topology.project}_prometheus-data`])
  await restoreTopology()
})
afterAll(restoreTopology)

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

async function query(expression: string): Promise<readonly Sample[]> {
  const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`)
  const { data } = (await response.json()) as { data: { result: readonly Sample[] } }
  return data.result
}

/** Waits until the result fulfils the condition, and resolves with it. */
async function eventually(expression: string, condition: (samples: readonly Sample[]) => boolean) {
  return waitFor(`Prometheus: ${expression}`, async () => {
    const samples = await query(expression)
    return condition(samples) && samples
  })
}

const isEmpty = (samples: readonly Sample[]) => samples.length === 0
const sum = (samples: readonly Sample[]) => samples.reduce((total, { value }) => total + Number(value[1]), 0)

/** The expression of an alert, as Prometheus has loaded it. */
async function alertExpression(name: string): Promise<string> {
  const { data } = (await (await fetch(`${prometheus}/api/v1/rules`)).json()) as {
    data: { groups: { rules: { name: string; query: string }[] }[] }
  }
  const rule = data.groups.flatMap(({ rules }) => rules).find((each) => each.name === name)
  if (!rule) throw new Error(`no rule ${name}`)
  return rule.query
}

describe('the profile observe', () => {
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

  it('counts a request in each tier', async () => {
    const counters = [
      'http_request_duration_seconds_count{route="/status", status="200"}',
      'apache_accesses_total',
      'haproxy_frontend_http_responses_total{job="alb", proxy="alb", code="2xx"}',
    ]
    // A series begins with its first request: until then the sum is 0.
    const before = await Promise.all(counters.map(async (counter) => sum(await query(counter))))
    for (let count = 0; count < 5; count += 1) expect((await fetch(`${topology.url}/status`)).status).toBe(200)
    for (const [at, counter] of counters.entries()) {
      await eventually(counter, (samples) => sum(samples) >= Number(before[at]) + 5)
    }
  })

  it('scrapes the state of both databases from each app', async () => {
    const failing = await eventually('database_failing', (samples) => samples.length === 4)
    expect(failing.map(({ value }) => value[1])).toEqual(['0', '0', '0', '0'])
  })

  it('exposes no counters through the ALB', async () => {
    for (const path of ['/metrics', '/server-status', '/server-status?auto']) {
      expect((await fetch(topology.url + path)).status, path).toBe(404)
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
    const addresses = (await topology.exec(to, ['bash', '-c', 'exec hostname -I'])).trim().split(' ')
    const attempts = addresses.map((address) =>
      topology.exec(from, ['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`]),
    )
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.map(({ status }) => status)).toEqual(addresses.map(() => 'rejected'))
  })

  it('alerts while what is acknowledged is on one machine only', async () => {
    const oneCopy = await alertExpression('OneCopy')
    // It is measured while the database is in use.
    const use = setInterval(() => void fetch(`${topology.url}/status`).catch(() => {}), 500)
    onTestFinished(() => clearInterval(use))
    await eventually(oneCopy, isEmpty)
    await topology.compose('kill', 'db-reader')
    await eventually(oneCopy, (samples) => samples.length > 0)
    await topology.up('db-reader')
    await eventually(oneCopy, isEmpty)
  })

  it('alerts when an app is lost, and when all are', async () => {
    const instanceLost = await alertExpression('InstanceLost')
    const noTarget = await alertExpression('NoTarget')
    await eventually(instanceLost, isEmpty)
    await eventually(noTarget, isEmpty)
    await topology.compose('up', '--detach', '--no-recreate', '--no-deps', '--scale', 'app=1', 'app')
    const lost = await eventually(instanceLost, (samples) => samples.length > 0)
    expect(lost.map(({ metric }) => metric.job)).toEqual(['app'])
    await topology.compose('stop', '--timeout', '1', 'app')
    const untargeted = await eventually(noTarget, (samples) => samples.length > 0)
    expect(untargeted.map(({ metric }) => metric.proxy)).toEqual(['app'])
  })
})
