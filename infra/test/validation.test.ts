import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CfnResource, Validations } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import type { IConstruct } from 'constructs'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { type Config, configs } from '../lib/config.ts'
import { addValidation } from '../lib/validation.ts'
import { createApp, secured, synthesize, zoned } from './synthesis.ts'

/** A fault: the resource, the property with a wrong value, that value, and the rule that must reject it. */
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
  [template, 'LaunchTemplateData.MetadataOptions.HttpTokens', 'optional', 'instances_protect_their_credentials'],
  [template, 'LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit', 2, 'instances_protect_their_credentials'],
  [template, 'LaunchTemplateData.BlockDeviceMappings.0.Ebs.Encrypted', false, 'volumes_are_encrypted'],
  [template, 'LaunchTemplateData.KeyName', 'mine', 'instances_accept_no_ssh_key'],
  ['App/Instances/Group', 'DesiredCapacity', '2', 'deployments_keep_the_size_of_a_group'],
  ['Web/Targets', 'HealthCheckPath', '/readyz', 'health_checks_are_shallow'],
  ['Network/AlbSecurityGroup', 'SecurityGroupIngress.0.FromPort', 22, 'the_internet_reaches_web_ports_only'],
  ['Data/AppSecret', 'SecretString', 'hunter2', 'secrets_are_generated'],
  ['Data/Cluster/Reader', 'PubliclyAccessible', true, 'the_database_is_private_and_encrypted'],
  ['Data/Cluster/Writer', 'MonitoringInterval', 0, 'the_database_is_monitored'],
  ['Operations/Alarms/Policy', 'PolicyDocument.Statement.1.Action', 'sns:Receive', 'alarms_may_publish_to_their_topic'],
  ['Data/Schema/FunctionLogs', 'RetentionInDays', undefined, 'log_groups_have_a_retention'],
  ['Data/Schema/Function', 'LoggingConfig', undefined, 'functions_have_a_log_group'],
]

interface Violation {
  readonly ruleName: string
  readonly description: string
  readonly violatingConstructs: readonly { readonly constructPath?: string }[]
}

describe('a synthesis with faults', () => {
  const violations: string[] = []
  const descriptions: string[] = []
  const rulesFor = (path: string) =>
    violations
      .filter((violation) => violation.startsWith(`${configs.dev.stackName}/${path}/`))
      .map((violation) => violation.split(' ')[1])

  beforeAll(() => {
    const { app, stack } = createApp()
    addValidation(app)
    for (const [path, property, value] of faults) {
      const construct = path.split('/').reduce((parent, id) => parent.node.findChild(id), stack as IConstruct)
      const resource = (construct.node.defaultChild ?? construct) as CfnResource
      if (value === undefined) resource.addPropertyDeletionOverride(property)
      else resource.addPropertyOverride(property, value)
    }
    // cdk-nag checks constructs, not overrides of their resources.
    new Bucket(stack, 'Bucket')
    const output = vi.spyOn(console, 'error').mockReturnValue()
    expect(() => app.synth()).toThrow('validation-report.json')
    output.mockRestore()
    const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8'))
    for (const plugin of report.pluginReports as { violations: Violation[] }[]) {
      for (const { ruleName, description, violatingConstructs } of plugin.violations) {
        descriptions.push(description)
        for (const { constructPath } of violatingConstructs) violations.push(`${constructPath} ${ruleName}`)
      }
    }
  })

  it.each(faults)('is rejected for %s: %s = %j', (path, _property, _value, rule) => {
    expect(rulesFor(path)).toContainEqual(typeof rule === 'string' ? rule : expect.stringMatching(rule))
  })

  it('is rejected with the versions of Aurora, of which infra/lib/data.ts has the newest', () => {
    const [, list = ''] =
      descriptions
        .map((each) => /^EngineVersion: .* is not one of \[(.*)\]/.exec(each) ?? [])
        .find(([, each]) => each) ?? []
    const versions = [...list.matchAll(/'([\d.]+\.mysql_aurora\.[\d.]+)'/g)].map(([, version]) => String(version))
    const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
    expect(synthesize().one('AWS::RDS::DBCluster').Properties.EngineVersion).toBe(newest)
  })

  it('is rejected for a bucket that accepts plain HTTP and has no access log', () => {
    expect(rulesFor('Bucket')).toEqual(expect.arrayContaining(['AwsSolutions-S1', 'AwsSolutions-S10']))
  })
})

describe('a synthesis', () => {
  it.each([
    ['dev', configs.dev],
    ['lab', configs.lab],
    ['paused', configs.paused],
    ['prod with a certificate', secured],
    ['prod with a hosted zone', zoned],
  ])('passes validation for %s', (_name, config) => {
    const { app } = createApp({ config })
    addValidation(app)
    expect(() => app.synth()).not.toThrow()
  })
})

/** The acknowledged findings of the constructs inside the stack; the library acknowledges its own on the stack. */
function acknowledgements(config: Config) {
  return createApp({ config })
    .stack.node.findAll()
    .slice(1)
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.entries(data as Record<string, string>))
        .map(([rule, reason]) => ({
          finding: `${node.path.replace(/^[^/]*\//, '')}: ${rule.replace(config.stackName, 'STACK')}`,
          reason,
        })),
    )
}

describe('the acknowledged findings', () => {
  const dev = acknowledgements(configs.dev)

  it('are these, each for one rule on one construct, with a reason', () => {
    expect(dev.map(({ finding }) => finding.replace(configs.dev.region, 'REGION')).sort()).toMatchInlineSnapshot(`
      [
        "App/Instances/Group: Annotation::AwsSolutions-AS3",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::<NetworkLogs410D5F1E.Arn>/ssm/*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-patch-manager-REGION-*/*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-ssm-REGION/*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::patch-baseline-snapshot-REGION/*]",
        "App/Nlb: Annotation::AwsSolutions-ELB2",
        "Data/Cluster: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]",
        "Data/Cluster: Annotation::AwsSolutions-RDS10",
        "Data/Cluster: Annotation::AwsSolutions-RDS11",
        "Data/Cluster: Annotation::AwsSolutions-RDS14",
        "Data/Rotation/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "Data/Rotation/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]",
        "Data/Rotation/Function: Annotation::AwsSolutions-IAM5[Resource::*]",
        "Data/Schema/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "Data/Schema/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]",
        "Data/Schema/Function: Annotation::AwsSolutions-IAM5[Resource::arn:aws:ssm:REGION:<AWS::AccountId>:parameter/schema/STACK/*]",
        "Data/Schema/Provider: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "Data/Schema/Provider: Annotation::AwsSolutions-IAM5[Resource::<DataSchemaFunction55724BF6.Arn>:*]",
        "Network/AlbSecurityGroup: Annotation::AwsSolutions-EC23",
        "Network/Logs: Annotation::AwsSolutions-S1",
        "Network/Vpc/All: CloudFormation-Validate::F3002",
        "Network/Vpc/All: CloudFormation-Validate::F3003",
        "Web/Instances/Group: Annotation::AwsSolutions-AS3",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::<NetworkLogs410D5F1E.Arn>/ssm/*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-patch-manager-REGION-*/*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-ssm-REGION/*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::patch-baseline-snapshot-REGION/*]",
      ]
    `)
    for (const { reason } of dev) expect(reason).toMatch(/^.{20,}$/)
  })

  it('do not include a missing deletion protection in prod', () => {
    const prod = new Set(acknowledgements(configs.prod).map(({ finding }) => finding))
    expect(dev.map(({ finding }) => finding).filter((finding) => !prod.has(finding))).toEqual([
      'Data/Cluster: Annotation::AwsSolutions-RDS10',
    ])
  })
})
