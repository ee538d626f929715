import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { synthesize } from './synthesis.ts'

const aws = synthesize()
const document = readFileSync(join(repositoryRoot, 'docs/time-budget.md'), 'utf8')

/** The number in the first group of `pattern` in a file of the repository. */
function setting(file: string, pattern: RegExp): number {
  const [, found] = pattern.exec(readFileSync(join(repositoryRoot, file), 'utf8')) ?? []
  if (found === undefined) throw new Error(`${file}: nothing matches ${pattern}`)
  return Number(found.replaceAll('_', ''))
}

/** A duration of a template, such as PT15M, in seconds. */
const duration = (text: string) => Number(/^PT(\d+)M$/.exec(text)?.[1]) * 60

/** The seconds that an instance of a tier takes or is given, from the template. */
function instanceTimes(tier: 'Web' | 'App') {
  const { Properties: targets } = aws.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier)
  const { Properties: group, CreationPolicy, UpdatePolicy } = aws.one('AWS::AutoScaling::AutoScalingGroup', tier)
  const { UserData } = aws.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const boot = (pattern: RegExp) => Number(pattern.exec(UserData['Fn::Base64']['Fn::Join'][1].join(''))?.[1])
  const target = boot(/wait_until target_is_healthy (\d+)/)
  const { ResourceSignal } = Object(CreationPolicy)
  const { AutoScalingRollingUpdate } = Object(UpdatePolicy)
  const stop = boot(/^readonly stop_seconds='(\d+)'$/m)
  const deregistration = targets.TargetGroupAttributes.find(
    ({ Key }: { Key: string }) => Key === 'deregistration_delay.timeout_seconds',
  )
  return {
    healthy: targets.HealthCheckIntervalSeconds * targets.HealthyThresholdCount,
    target,
    boot: boot(/wait_until container_is_healthy (\d+)/) + target,
    bake: boot(/^readonly bake_seconds='(\d+)'$/m),
    signals: [ResourceSignal.Timeout, AutoScalingRollingUpdate.PauseTime].map(duration),
    grace: Number(group.HealthCheckGracePeriod),
    stop,
    unit: stop + boot(/^TimeoutStopSec=\$\(\(stop_seconds \+ (\d+)\)\)$/m),
    deregistration: Number(deregistration.Value),
  }
}

const web = instanceTimes('Web')
const app = instanceTimes('App')
const drains = {
  web:
    setting('apps/web/serve.sh', /DRAIN_SECONDS:-(\d+)/) +
    setting('apps/web/httpd.conf', /^GracefulShutdownTimeout (\d+)$/m),
  app:
    (setting('apps/app/src/config.ts', /DRAIN_DELAY_MS: [\s\S]*?default\(([\d_]+)\)/) +
      setting('apps/app/src/config.ts', /DRAIN_DEADLINE_MS: [\s\S]*?default\(([\d_]+)\)/)) /
    1000,
}
const schema = aws.one('AWS::Lambda::Function', 'DataSchemaFunction').Properties.Timeout
const reserve = setting('infra/functions/schema.ts', /^const reserveMs = ([\d_]+)$/m) / 1000

type Row = readonly [what: string, ...seconds: number[]]

const tables: Readonly<Record<string, { readonly head: readonly string[]; readonly rows: readonly Row[] }>> = {
  'the start of an instance': {
    head: ['start of an instance', 'web', 'app'],
    rows: [
      ['health checks until a target is healthy', web.healthy, app.healthy],
      ['the boot script waits for its target', web.target, app.target],
      ['the boot script waits for the container, then for its target', web.boot, app.boot],
      ['the same, then it watches the alarms', web.boot + web.bake, app.boot + app.bake],
      ["a deployment waits for the signal; the group's grace before health checks", web.grace, app.grace],
    ],
  },
  'the end of an instance': {
    head: ['end of an instance', 'web', 'app'],
    rows: [
      ['failing health checks, then requests in flight', drains.web, drains.app],
      ['the container may take to stop', web.stop, app.stop],
      ['systemd waits for it', web.unit, app.unit],
      ['the load balancer waits before the instance stops', web.deregistration, app.deregistration],
    ],
  },
  'a migration': {
    head: ['migrations of a deployment', 'seconds'],
    rows: [
      ['wait for another run', setting('packages/db/src/migrations/migrate.ts', /^const runnerSeconds = (\d+)$/m)],
      ['the migrations', schema - reserve],
      ['the function', schema],
      ['CloudFormation waits for it', Number(aws.one('Custom::DatabaseSchema').Properties.ServiceTimeout)],
    ],
  },
}

describe('the time budget on AWS', () => {
  it.each(Object.entries(tables))('is documented for %s', (_what, { head, rows }) => {
    const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
    const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
    expect(document).toContain([head, rule, ...rows].map(line).join('\n'))
  })

  it.each(Object.entries(tables))('increases in %s', (_what, { head, rows }) => {
    for (const column of head.keys()) {
      if (column === 0) continue
      const seconds = rows.map((row) => Number(row[column]))
      for (const [at, value] of seconds.entries()) expect(value).toBeGreaterThan(seconds[at - 1] ?? 0)
    }
  })

  it('stops an app instance when the Network Load Balancer opens no more connections to it', () => {
    // AWS recommends 120 s at least; users have measured as much until the last new connection.
    expect(app.deregistration).toBeGreaterThan(120)
  })

  it('gives an instance the same time before its signal and before health checks count', () => {
    for (const { grace, signals } of [web, app]) expect(signals).toEqual([grace, grace])
  })
})
