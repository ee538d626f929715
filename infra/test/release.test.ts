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
