import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { synthesize } from './synthesis.ts'

type Stack = ReturnType<typeof synthesize>

/** The ids of the alarms that an instance of a tier watches before it signals success. */
function watched(stack: Stack, tier: string): readonly string[] {
  const { UserData } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const parts: readonly unknown[] = UserData['Fn::Base64']['Fn::Join'][1]
  const text = parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('')
  const [, setting = ''] = /^readonly alarms='(.*)'$/m.exec(text) ?? []
  return [...setting.matchAll(/\{"Ref":"(\w+)"\}/g)].map(([, id]) => String(id))
}

describe.each(['Web', 'App'])('a new instance of the %s tier', (tier) => {
  const dev = synthesize()

  // Not those for unhealthy instances: it is unhealthy itself until it has passed its first health checks.
  it('watches the alarms for errors and latency', () => {
    const names = watched(dev, tier).map((id) => /^Operations(.*)[0-9A-F]{8}$/.exec(id)?.[1])
    expect(names.sort()).toEqual(['Alb5xx', 'Latency', 'Web5xx'])
  })

  it('watches them for longer than they take to fire, and signals before a deployment stops to wait', () => {
    const text = JSON.stringify(dev.one('AWS::EC2::LaunchTemplate', tier).Properties)
    const bake = Number(/readonly bake_seconds='(\d+)'/.exec(text)?.[1])
    const waits = [...text.matchAll(/step wait_until \w+ (\d+)/g)].map(([, seconds]) => Number(seconds))
    for (const id of watched(dev, tier)) {
      const { Period, EvaluationPeriods } = dev.resources[id]?.Properties ?? {}
      expect(Period * EvaluationPeriods + 120).toBeLessThan(bake)
    }
    const { CreationPolicy } = dev.one('AWS::AutoScaling::AutoScalingGroup', tier)
    const timeout = Number(/"PT(\d+)M"/.exec(JSON.stringify(CreationPolicy))?.[1]) * 60
    expect(waits).toHaveLength(2)
    expect(waits.reduce((sum, each) => sum + each, bake + 120)).toBeLessThan(timeout)
  })

  it('may boot without an alarm for unhealthy instances', () => {
    const { CreationPolicy } = dev.one('AWS::AutoScaling::AutoScalingGroup', tier)
    const bake = Number(/readonly bake_seconds='(\d+)'/.exec(JSON.stringify(dev.resources))?.[1])
    const boot = Number(/"PT(\d+)M"/.exec(JSON.stringify(CreationPolicy))?.[1]) * 60 - bake
    const { Period, EvaluationPeriods } = dev.one('AWS::CloudWatch::Alarm', `Operations${tier}Unhealthy`).Properties
    expect(Period * EvaluationPeriods).toBeGreaterThan(boot)
  })

  it('may read the alarms and the state of its stack', () => {
    const statements = dev
      .all('AWS::IAM::Policy', tier)
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    expect(statements.flatMap(({ Action }) => Action)).toContain('cloudwatch:DescribeAlarms')
    expect(statements).toContainEqual({
      Effect: 'Allow',
      Action: 'cloudformation:DescribeStacks',
      Resource: { Ref: 'AWS::StackId' },
    })
  })

  it('watches none in a deployment that ignores them', () => {
    expect(watched(synthesize({ context: { ignoreAlarms: 'true' } }), tier)).toEqual([])
  })
})

describe('the boot script watching the alarms', () => {
  const text = readFileSync(new URL('../boot/boot.sh', import.meta.url), 'utf8')
  const functions = [
    'container_has_not_exited',
    'target_state',
    'watch_alarms',
    'is_rollback',
    'firing_alarms',
    'log',
  ].map((name) => new RegExp(`^${name}\\(\\) \\{(?:.*\\}$|[\\s\\S]*?^\\}$)`, 'm').exec(text)?.[0])

  /**
   * Runs the watch. Each look of it sees the next of `looks`, the last one again and again; null: an error. `state` is a
   * command that prints the state of the target, `stack` one that prints that of the stack.
   */
  function watch(
    looks: readonly (string | null)[],
    { restarts = 0, state = 'echo healthy', stack = 'echo UPDATE_IN_PROGRESS' } = {},
  ) {
    const answers = looks.map((each, index) => {
      const number = index + 1 < looks.length ? index + 1 : '*'
      return `${number}) ${each === null ? 'return 254' : `printf '%s\\n' '${each}'`} ;;`
    })
    const stubs = `alarms='A B' bake_seconds=30 look=$(mktemp) target_group=group instance=i-1 stack=stack
      systemctl() { echo ${restarts}; }
      sleep() { SECONDS=$((SECONDS + $1)); }
      aws() {
        [ "$1" != cloudformation ] || { ${stack}; return; }
        [ "$1" = cloudwatch ] || { ${state}; return; }
        echo >>"$look"
        case $(wc -l <"$look") in ${answers.join(' ')} esac
      }`
    const script = ['set -euo pipefail', stubs, ...functions, 'watch_alarms; rm "$look"'].join('\n')
    return spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  }

  it('passes while none fires', () => {
    expect(watch([''])).toMatchObject({ status: 0, stderr: 'watching the alarms for 30 s\n' })
  })

  it('fails when one starts to fire', () => {
    expect(watch(['', 'A'])).toMatchObject({ status: 1, stderr: expect.stringContaining('the alarm A fires') })
    expect(watch(['B', 'A B'])).toMatchObject({ status: 1, stderr: expect.stringContaining('the alarm A fires') })
  })

  it('passes when one has fired before, even while CloudWatch does not answer', () => {
    expect(watch(['A'])).toMatchObject({ status: 0 })
    expect(watch([null, 'A', null, 'A'])).toMatchObject({ status: 0, stderr: expect.stringContaining('unknown') })
  })

  it('passes when one that fired at first has ended and fires again', () => {
    expect(watch(['A', '', 'A'])).toMatchObject({ status: 0 })
    expect(watch(['A', '', 'A', 'A B'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the alarm B fires'),
    })
  })

  it('passes in a rollback whatever fires, and not while the state of the stack is unknown', () => {
    expect(watch(['', 'A'], { stack: 'echo UPDATE_ROLLBACK_IN_PROGRESS' })).toMatchObject({ status: 0 })
    expect(watch(['', 'A'], { stack: 'echo UPDATE_ROLLBACK_COMPLETE' })).toMatchObject({ status: 1 })
    expect(watch(['', 'A'], { stack: 'return 254' })).toMatchObject({ status: 1 })
  })

  it('passes when CloudWatch never answers', () => {
    expect(watch([null])).toMatchObject({ status: 0 })
  })

  it('fails when the container has exited', () => {
    expect(watch([''], { restarts: 1 })).toMatchObject({ status: 1, stderr: 'the container has exited\n' })
  })

  it('fails when the target has become unhealthy', () => {
    expect(watch([''], { state: '[ -s "$look" ] && echo unhealthy || echo healthy' })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the target has become unhealthy\n'),
    })
  })

  it('passes while the load balancer does not tell the state of the target', () => {
    expect(watch([''], { state: 'return 254' })).toMatchObject({ status: 0 })
  })
})
