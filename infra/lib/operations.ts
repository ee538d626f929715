import { Duration, Stack } from 'aws-cdk-lib'
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { HttpCodeElb, HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { CfnAssociation, StringParameter } from 'aws-cdk-lib/aws-ssm'
import { Construct } from 'constructs'
import type { AppTier } from './app-tier.ts'
import { type Config, product } from './config.ts'
import type { Data } from './data.ts'
import type { Network } from './network.ts'
import type { WebTier } from './web-tier.ts'

export interface OperationsProps {
  readonly config: Config
  readonly network: Network
  readonly web: WebTier
  readonly app: AppTier
  readonly data: Data
}

/** The sum of the app's limits in apps/app/src/config.ts and packages/db/src/client/client.ts. */
const connectionsPerInstance = 16

/** Dashboard, alarms, and the maintenance of running instances. */
export class Operations extends Construct {
  readonly alarms: Topic
  readonly dashboard: Dashboard

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id)
    // Not encrypted with the AWS managed key, because alarms could not publish to it.
    this.alarms = new Topic(this, 'Alarms', { enforceSSL: true })
    if (props.config.alarmEmail) this.alarms.addSubscription(new EmailSubscription(props.config.alarmEmail))
    this.dashboard = new Dashboard(this, 'Dashboard')

    this.monitorRequests(props)
    this.monitorInstances(props)
    this.monitorDatabase(props)
    this.addMaintenance(props)
  }

  private monitorRequests({ web }: OperationsProps): void {
    const { metrics } = web.loadBalancer
    const minute = { period: Duration.minutes(1) }
    const targetErrors = metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, minute)
    const balancerErrors = metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, minute)
    const latency = metrics.targetResponseTime({ ...minute, statistic: Stats.p(99) })
    this.addAlarm('Web5xx', 'The web tier responds with 5xx', targetErrors, { threshold: 10 })
    this.addAlarm('Alb5xx', 'The public load balancer itself responds with 5xx', balancerErrors, { threshold: 10 })
    this.addAlarm('Latency', '1 % of the requests take longer than 1 s', latency, { threshold: 1 })
    this.addGraphs(
      ['Requests', metrics.requestCount(minute)],
      ['5xx', targetErrors, balancerErrors],
      ['Latency (s)', latency, metrics.targetResponseTime({ ...minute, statistic: Stats.p(50) })],
    )
  }

  private monitorInstances({ web, app }: OperationsProps): void {
    const minute = { period: Duration.minutes(1) }
    for (const [name, tier, unhealthy] of [
      ['Web', web, web.targetGroup.metrics.unhealthyHostCount(minute)],
      ['App', app, app.targetGroup.metrics.unHealthyHostCount(minute)],
    ] as const) {
      const dimensionsMap = { AutoScalingGroupName: tier.instances.group.autoScalingGroupName }
      const cpu = new Metric({ namespace: 'AWS/EC2', metricName: 'CPUUtilization', dimensionsMap, ...minute })
      const memory = new Metric({ namespace: product, metricName: 'mem_used_percent', dimensionsMap, ...minute })
      const disk = new Metric({ namespace: product, metricName: 'disk_used_percent', dimensionsMap, ...minute })
      this.addAlarm(`${name}Unhealthy`, `An instance of the ${name} tier fails its health check`, unhealthy, {
        threshold: 1,
      })
      // Above the scaling target: the group is at its maximum size and still overloaded.
      this.addAlarm(`${name}Cpu`, `The ${name} tier uses 85 % of its CPU`, cpu, {
        threshold: 85,
        evaluationPeriods: 10,
      })
      this.addGraphs(
        [`${name}: targets`, tier.targetGroup.metrics.healthyHostCount(minute), unhealthy],
        [`${name}: CPU, memory, disk (%)`, cpu, memory, disk],
      )
    }
  }

  private monitorDatabase({ config, data: { cluster } }: OperationsProps): void {
    const minute = { period: Duration.minutes(1) }
    const cpu = cluster.metricCPUUtilization(minute)
    const connections = cluster.metricDatabaseConnections({ ...minute, statistic: Stats.MAXIMUM })
    const memory = cluster.metricFreeableMemory({ ...minute, statistic: Stats.MINIMUM })
    const lag = cluster.metric('AuroraReplicaLagMaximum', { ...minute, statistic: Stats.MAXIMUM })
    this.addAlarm('DatabaseCpu', 'The database uses 85 % of its CPU', cpu, { threshold: 85, evaluationPeriods: 10 })
    this.addAlarm('DatabaseConnections', 'More connections are open than the largest app group may have', connections, {
      threshold: connectionsPerInstance * config.maxInstances,
    })
    this.addAlarm('ReplicaLag', 'Replica lag has reached 1 s', lag, { threshold: 1000 })
    this.addAlarm('DatabaseMemory', 'The database has less than 200 MB of free memory', memory, {
      threshold: 200 * 1024 ** 2,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    })
    this.addGraphs(
      ['Database: CPU (%)', cpu],
      ['Database: connections', connections],
      ['Database: free memory (bytes)', memory],
      ['Database: replica lag (ms)', lag],
    )
  }

  /** Fires when `threshold` is reached in every evaluation period, 5 min by default. Missing data is no alarm. */
  private addAlarm(
    id: string,
    alarmDescription: string,
    metric: IMetric,
    options: Pick<AlarmProps, 'threshold'> & Partial<AlarmProps>,
  ): void {
    new Alarm(this, id, {
      alarmDescription,
      metric,
      evaluationPeriods: 5,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...options,
    }).addAlarmAction(new SnsAction(this.alarms))
  }

  private addGraphs(...graphs: readonly (readonly [title: string, ...metrics: IMetric[]])[]): void {
    const width = 24 / graphs.length
    this.dashboard.addWidgets(...graphs.map(([title, ...left]) => new GraphWidget({ title, left, width })))
  }

  /** Associations that select instances by tag and write their output to the log bucket. */
  private addMaintenance({ network, web, app }: OperationsProps): void {
    const agent = new StringParameter(this, 'AgentConfig', {
      description: 'Configuration of the CloudWatch agent on each instance.',
      stringValue: JSON.stringify(agentConfig),
    })
    const associations = {
      Agent: {
        name: 'AWS-RunShellScript',
        scheduleExpression: 'rate(1 day)',
        parameters: {
          commands: [
            'set -e',
            'dnf install --assumeyes --quiet amazon-cloudwatch-agent',
            `/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c ssm:${agent.parameterName}`,
          ],
        },
      },
      // Scan only: instances are replaced by newer ones, never patched in place.
      PatchScan: {
        name: 'AWS-RunPatchBaseline',
        scheduleExpression: 'rate(1 day)',
        parameters: { Operation: ['Scan'] },
      },
    }
    for (const [id, association] of Object.entries(associations)) {
      new CfnAssociation(this, id, {
        ...association,
        targets: [
          { key: 'tag:Server', values: ['ApacheWeb', 'App'] },
          { key: 'tag:Deployment', values: [Stack.of(this).stackName] },
        ],
        outputLocation: {
          s3Location: { outputS3BucketName: network.logBucket.bucketName, outputS3KeyPrefix: `ssm/${id}` },
        },
      })
    }
    for (const { instances } of [web, app]) agent.grantRead(instances.role)
  }
}

const agentConfig = {
  metrics: {
    namespace: product,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the agent replaces it.
    append_dimensions: { AutoScalingGroupName: '${aws:AutoScalingGroupName}' },
    aggregation_dimensions: [['AutoScalingGroupName']],
    metrics_collected: {
      mem: { measurement: ['mem_used_percent'] },
      disk: { measurement: ['used_percent'], resources: ['/'] },
    },
  },
}
