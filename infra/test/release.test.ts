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

  it('watches the alarms for errors, latency and unhealthy instances', () => {
    const names = watched(dev, tier).map((id) => /^Operations(.*)[0-9A-F]{8}$/.exec(id)?.[1])
    expect(names.sort()).toEqual(['Alb5xx', 'AppUnhealthy', 'Latency', 'Web5xx', 'WebUnhealthy'])
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

  it('may read the alarms', () => {
    const statements = dev
      .all('AWS::IAM::Policy', tier)
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    expect(statements.flatMap(({ Action }) => Action)).toContain('cloudwatch:DescribeAlarms')
  })

  it('watches none in a deployment that ignores them', () => {
    expect(watched(synthesize({ context: { ignoreAlarms: 'true' } }), tier)).toEqual([])
  })
})

describe('the boot script watching the alarms', () => {
  const text = readFileSync(new URL('../boot/boot.sh', import.meta.url), 'utf8')
  const functions = ['container_has_not_exited', 'watch_alarms', 'firing_alarms', 'log'].map(
    (name) => new RegExp(`^${name}\\(\\) \\{(?:.*\\}$|[\\s\\S]*?^\\}$)`, 'm').exec(text)?.[0],
  )

  /** Runs the watch. Each look of it sees the next of `looks`, the last one again and again; null: an error. */
  function watch(looks: readonly (string | null)[], restarts = 0) {
    const answers = looks.map((each, index) => {
      const number = index + 1 < looks.length ? index + 1 : '*'
      return `${number}) ${each === null ? 'return 254' : `printf '%s\\n' '${each}'`} ;;`
    })
    const stubs = `alarms='A B' bake_seconds=3 look=$(mktemp)
      systemctl() { echo ${restarts}; }
      sleep() { command sleep 0.3; }
      aws() {
        echo >>"$look"
        case $(wc -l <"$look") in ${answers.join(' ')} esac
      }`
    const script = ['set -euo pipefail', stubs, ...functions, 'watch_alarms; rm "$look"'].join('\n')
    return spawnSync('bash', ['-c', script], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  }

  it('passes while none fires', () => {
    expect(watch([''])).toMatchObject({ status: 0, stderr: 'watching the alarms for 3 s\n' })
  })

  it('fails when one starts to fire', () => {
    expect(watch(['', 'A'])).toMatchObject({ status: 1, stderr: expect.stringContaining('the alarm A fires') })
    expect(watch(['B', 'A B'])).toMatchObject({ status: 1, stderr: expect.stringContaining('the alarm A fires') })
  })

  it('passes when one has fired before, even while CloudWatch does not answer', () => {
    expect(watch(['A'])).toMatchObject({ status: 0 })
    expect(watch([null, 'A', null, 'A'])).toMatchObject({ status: 0, stderr: expect.stringContaining('unknown') })
  })

  it('passes when CloudWatch never answers', () => {
    expect(watch([null])).toMatchObject({ status: 0 })
  })

  it('fails when the container has exited', () => {
    expect(watch([''], 1)).toMatchObject({ status: 1, stderr: 'the container has exited\n' })
  })
})
