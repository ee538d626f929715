import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { secured, synthesize } from './synthesis.ts'

const dev = synthesize()
const deployments = { dev, prod: synthesize({ config: configs.prod }), secured: synthesize({ config: secured }) }

type Alarm = ReturnType<typeof dev.one>

const nameOf = ({ id }: Alarm) => /^Operations(.*)[0-9A-F]{8}$/.exec(id)?.[1] ?? id

/** The samples of a minute: a metric, with the role, tier or function that publishes it. Null: none is published. */
type Samples = Readonly<Record<string, number | null>>

const gigabyte = 1024 ** 3

/** Every metric in ordinary operation. A load balancer publishes an error count only when there are errors. */
const ordinary: Samples = {
  HTTPCode_Target_5XX_Count: null,
  HTTPCode_ELB_5XX_Count: null,
  TargetResponseTime: 0.02,
  ...Object.fromEntries(
    ['Web', 'App'].flatMap((tier) => [
      [`HealthyHostCount ${tier}`, 2],
      [`UnHealthyHostCount ${tier}`, 0],
      [`CPUUtilization ${tier}`, 40],
      [`mem_used_percent ${tier} first`, 60],
      [`mem_used_percent ${tier} second`, 60],
      [`disk_used_percent ${tier} first`, 40],
      [`disk_used_percent ${tier} second`, 40],
    ]),
  ),
  ...Object.fromEntries(
    ['WRITER', 'READER'].flatMap((role) => [
      [`CPUUtilization ${role}`, 20],
      [`EngineUptime ${role}`, 100_000],
      [`DatabaseConnections ${role}`, 30],
      [`FreeableMemory ${role}`, gigabyte],
      [`FreeLocalStorage ${role}`, 20 * gigabyte],
    ]),
  ),
  AuroraReplicaLagMaximum: 20,
  'Errors Schema': null,
  'Errors Rotation': null,
}

/** What fails, the samples that differ from ordinary ones, and the alarms that fire. */
const failures: readonly (readonly [failure: string, samples: Samples, alarms: readonly string[]])[] = [
  ['the tiers respond with errors', { HTTPCode_Target_5XX_Count: 50 }, ['Web5xx']],
  ['the load balancer responds with errors', { HTTPCode_ELB_5XX_Count: 50 }, ['Alb5xx']],
  ['responses take too long', { TargetResponseTime: 2 }, ['Latency']],
  [
    'one web instance of two is unhealthy',
    { 'HealthyHostCount Web': 1, 'UnHealthyHostCount Web': 1 },
    ['WebUnhealthy'],
  ],
  [
    'one app instance of two is unhealthy',
    { 'HealthyHostCount App': 1, 'UnHealthyHostCount App': 1 },
    ['AppUnhealthy'],
  ],
  [
    'no web instance is healthy',
    { 'HealthyHostCount Web': 0, 'UnHealthyHostCount Web': 2 },
    ['WebLost', 'WebUnhealthy'],
  ],
  [
    'no app instance is healthy',
    { 'HealthyHostCount App': 0, 'UnHealthyHostCount App': 2 },
    ['AppLost', 'AppUnhealthy'],
  ],
  ['no web instance exists', { 'HealthyHostCount Web': null, 'UnHealthyHostCount Web': null }, ['WebLost']],
  ['no app instance exists', { 'HealthyHostCount App': null, 'UnHealthyHostCount App': null }, ['AppLost']],
  ['the web tier needs more CPU than it may have', { 'CPUUtilization Web': 95 }, ['WebCpu']],
  ['the app tier needs more CPU than it may have', { 'CPUUtilization App': 95 }, ['AppCpu']],
  ['one web instance is out of memory', { 'mem_used_percent Web first': 95 }, ['WebMemory']],
  ['one app instance is out of memory', { 'mem_used_percent App first': 95 }, ['AppMemory']],
  ['the disk of one web instance is full', { 'disk_used_percent Web second': 99 }, ['WebDisk']],
  ['the disk of one app instance is full', { 'disk_used_percent App second': 99 }, ['AppDisk']],
  [
    'the writer is busy and the reader is not',
    { 'CPUUtilization WRITER': 100, 'CPUUtilization READER': 2 },
    ['WriterCpu'],
  ],
  [
    'the reader is busy and the writer is not',
    { 'CPUUtilization WRITER': 2, 'CPUUtilization READER': 100 },
    ['ReaderCpu'],
  ],
  ['no writer runs', { 'EngineUptime WRITER': null }, ['WriterLost']],
  ['no reader runs', { 'EngineUptime READER': null }, ['ReaderLost']],
  ['the writer has too many connections', { 'DatabaseConnections WRITER': 500 }, ['DatabaseConnections']],
  ['the writer is out of memory', { 'FreeableMemory WRITER': 0.1 * gigabyte }, ['DatabaseMemory']],
  ['the writer is out of local storage', { 'FreeLocalStorage WRITER': gigabyte }, ['DatabaseStorage']],
  ['the reader is behind', { AuroraReplicaLagMaximum: 3000 }, ['ReplicaLag']],
  ['a migration fails', { 'Errors Schema': 1 }, ['SchemaErrors']],
  ['a rotation fails', { 'Errors Rotation': 1 }, ['RotationErrors']],
]

/** Whether an alarm fires while every minute has these samples, as CloudWatch evaluates it. */
function fires({ id, Properties: alarm }: Alarm, samples: Samples): boolean {
  const tags = Object.values<{ Value: unknown }[]>(alarm.Dimensions).flatMap(
    (dimension) =>
      /WRITER|READER|Web(?=Targets|Instances)|App(?=Targets|Instances)|Schema|Rotation/.exec(
        JSON.stringify(dimension),
      ) ?? [],
  )
  const known = Object.entries(samples).filter(([key]) => {
    const [metric, ...publisher] = key.split(' ')
    return metric === alarm.MetricName && tags.every((tag) => publisher.includes(tag))
  })
  if (known.length === 0) throw new Error(`no sample of ${alarm.MetricName} ${tags} for ${id}`)
  const values = known.flatMap(([, value]) => (value === null ? [] : [value]))
  if (values.length === 0) return alarm.TreatMissingData === 'breaching'

  const statistics: Record<string, number> = {
    Average: values.reduce((sum, value) => sum + value, 0) / values.length,
    Sum: values.reduce((sum, value) => sum + value, 0),
    Maximum: Math.max(...values),
    Minimum: Math.min(...values),
    p99: Math.max(...values),
  }
  const value = statistics[alarm.Statistic ?? alarm.ExtendedStatistic] ?? Number.NaN
  return alarm.ComparisonOperator === 'LessThanThreshold' ? value < alarm.Threshold : value >= alarm.Threshold
}

const firing = (samples: Samples) =>
  dev
    .all('AWS::CloudWatch::Alarm')
    .filter((alarm) => fires(alarm, { ...ordinary, ...samples }))
    .map(nameOf)
    .sort()

describe('the alarms', () => {
  it('are silent in ordinary operation', () => {
    expect(firing({})).toEqual([])
  })

  it.each(failures)('fire when %s', (_failure, samples, alarms) => {
    expect(firing(samples)).toEqual([...alarms].sort())
  })

  it('each have a failure that makes them fire', () => {
    const covered = new Set(failures.flatMap(([, , alarms]) => alarms))
    expect(dev.all('AWS::CloudWatch::Alarm').map(nameOf).sort()).toEqual([...covered].sort())
  })

  it('fire within a quarter of an hour', () => {
    for (const { id, Properties } of dev.all('AWS::CloudWatch::Alarm')) {
      expect(Properties.Period * Properties.EvaluationPeriods, id).toBeLessThanOrEqual(15 * 60)
    }
  })

  it('are about metrics that the agent of the instances publishes', () => {
    const parameter = dev.one('AWS::SSM::Parameter', 'OperationsAgentConfig')
    const { metrics } = JSON.parse(parameter.Properties.Value)
    const collected = Object.entries<{ measurement: string[] }>(metrics.metrics_collected)
    // The agent puts the plugin's name before that of a measurement which lacks it.
    const published = collected.flatMap(([plugin, { measurement }]) =>
      measurement.map((name) => (name.startsWith(`${plugin}_`) ? name : `${plugin}_${name}`)),
    )
    const alarms = dev.all('AWS::CloudWatch::Alarm').map(({ Properties }) => Properties)
    const own = alarms.filter(({ Namespace }) => !Namespace.startsWith('AWS/'))
    expect(new Set(own.map(({ MetricName }) => MetricName))).toEqual(new Set(published))
    for (const { Namespace, Dimensions } of own) {
      expect(Namespace).toBe(metrics.namespace)
      expect(metrics.aggregation_dimensions ?? []).toContainEqual(Dimensions.map(({ Name }: { Name: string }) => Name))
    }
    const [command] = dev.one('AWS::SSM::Association', 'OperationsAgent').Properties.Parameters.commands.slice(-1)
    expect(command).toEqual({ 'Fn::Join': ['', [expect.stringMatching(/ -c ssm:$/), { Ref: parameter.id }]] })
  })

  it('notify one topic, with the configured subscription', () => {
    const topic = { Ref: dev.one('AWS::SNS::Topic').id }
    for (const { Properties } of dev.all('AWS::CloudWatch::Alarm')) expect(Properties.AlarmActions).toEqual([topic])
    expect(deployments.secured.one('AWS::SNS::Subscription').Properties).toMatchObject({
      Protocol: 'email',
      Endpoint: 'operator@example.org',
    })
  })

  it.each(Object.entries(deployments))('may publish to their topics in %s', (_name, stack) => {
    const statement = {
      Effect: 'Allow',
      Action: 'sns:Publish',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    }
    const allowed = stack
      .all('AWS::SNS::TopicPolicy')
      .flatMap(({ Properties: { PolicyDocument, Topics } }) =>
        Topics.map((topic: object) => ({ topic, statements: PolicyDocument.Statement })),
      )
    for (const { id, Properties } of stack.all('AWS::CloudWatch::Alarm')) {
      for (const topic of Properties.AlarmActions) {
        expect(allowed, id).toContainEqual({
          topic,
          statements: expect.arrayContaining([expect.objectContaining(statement)]),
        })
      }
    }
  })
})
