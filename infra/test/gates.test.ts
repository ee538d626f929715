import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CfnResource } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import type { IConstruct } from 'constructs'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { makeStack } from './synthesis.ts'

/** A fault: the resource, the property made wrong, its value, and the rule that must refuse it. */
type Fault = readonly [path: string, property: string, value: unknown, rule: string | RegExp]

const template = 'App/Instances/LaunchTemplate'
const faults: readonly Fault[] = [
  // The library's rules
  ['Data/Cluster', 'EngineVersion', '8.4.mysql_aurora.9.9.9', /^[EF]\d/],
  ['Data/Cluster', 'BackupRetentionPeriod', 99, /^[EF]\d/],
  ['App/Targets', 'HealthCheckIntervalSeconds', 'often', /^[EF]\d/],
  ['Network/Vpc', 'EnableDnsHostnames', 'perhaps', /^[EF]\d/],
  ['Operations/Latency', 'Treshold', 1, /^[EF]\d/],
  // This project's
  [template, 'LaunchTemplateData.MetadataOptions.HttpTokens', 'optional', 'instances_keep_their_credentials'],
  [template, 'LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit', 2, 'instances_keep_their_credentials'],
  [template, 'LaunchTemplateData.BlockDeviceMappings.0.Ebs.Encrypted', false, 'volumes_are_encrypted'],
  [template, 'LaunchTemplateData.KeyName', 'mine', 'nobody_logs_in_by_key'],
  ['App/Instances/Group', 'DesiredCapacity', '2', 'deployments_keep_the_size_of_a_group'],
  ['Web/Targets', 'HealthCheckPath', '/readyz', 'health_checks_are_shallow'],
  ['Network/AlbSecurityGroup', 'SecurityGroupIngress.0.FromPort', 22, 'the_world_reaches_web_ports_only'],
  ['Data/AppSecret', 'SecretString', 'hunter2', 'secrets_are_generated'],
  ['Data/Cluster/Reader', 'PubliclyAccessible', true, 'the_database_is_private_and_encrypted'],
  ['Data/Schema/FunctionLogs', 'RetentionInDays', undefined, 'logs_end'],
]

interface Violation {
  readonly ruleName: string
  readonly violatingConstructs: readonly { readonly constructPath?: string }[]
}

describe('a synthesis with faults', () => {
  const refused: string[] = []
  const rulesAgainst = (path: string) =>
    refused.filter((each) => each.startsWith(`ThreeTierDev/${path}/`)).map((each) => each.split(' ')[1])

  beforeAll(() => {
    const { app, stack } = makeStack()
    for (const [path, property, value] of faults) {
      const construct = path.split('/').reduce((parent, id) => parent.node.findChild(id), stack as IConstruct)
      const resource = (construct.node.defaultChild ?? construct) as CfnResource
      if (value === undefined) resource.addPropertyDeletionOverride(property)
      else resource.addPropertyOverride(property, value)
    }
    // cdk-nag sees constructs, not what is laid over their resources.
    new Bucket(stack, 'Bucket')
    const said = vi.spyOn(console, 'error').mockReturnValue()
    expect(() => app.synth()).toThrow('validation-report.json')
    said.mockRestore()
    const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8'))
    for (const { violations } of report.pluginReports as { violations: Violation[] }[]) {
      for (const { ruleName, violatingConstructs } of violations) {
        for (const { constructPath } of violatingConstructs) refused.push(`${constructPath} ${ruleName}`)
      }
    }
  })

  it.each(faults)('is refused for %s: %s = %j', (path, _property, _value, rule) => {
    expect(rulesAgainst(path)).toContainEqual(typeof rule === 'string' ? rule : expect.stringMatching(rule))
  })

  it('is refused for a bucket that takes plain HTTP and logs nothing', () => {
    expect(rulesAgainst('Bucket')).toEqual(expect.arrayContaining(['AwsSolutions-S1', 'AwsSolutions-S10']))
  })
})
