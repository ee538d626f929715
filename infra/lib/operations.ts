import { Duration, Stack } from 'aws-cdk-lib'
import { CfnBudget } from 'aws-cdk-lib/aws-budgets'
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
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { CfnAssociation, StringParameter } from 'aws-cdk-lib/aws-ssm'
import { Construct } from 'constructs'
import type { AppTier } from './app-tier.ts'
import { type Config, product } from './config.ts'
import type { Data } from './data.ts'
import { DatabaseFunction } from './function.ts'
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
  /** They fire when users see errors, whatever is lost. */
  readonly outageAlarms: Alarm[] = []

  /** A paused deployment lacks on purpose what the alarms look for. */
  private readonly notifies: boolean

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id)
    this.notifies = props.config.maxInstances > 0
    // Not encrypted with the AWS managed key, because alarms could not publish to it.
    this.alarms = new Topic(this, 'Alarms', { enforceSSL: true })
    for (const service of ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com']) this.allowPublishing(service)
    if (props.config.alarmEmail) this.alarms.addSubscription(new EmailSubscription(props.config.alarmEmail))
    this.dashboard = new Dashboard(this, 'Dashboard')

    const releaseAlarms = this.monitorRequests(props)
    this.monitorInstances(props)
    this.monitorDatabase(props)
    this.monitorFunctions(props)
    this.addBudget(props.config)
    this.addMaintenance(props)
    // For a deployment that fixes an outage during which the alarms come and go.
    if (String(this.node.tryGetContext('ignoreAlarms')) !== 'true') {
      for (const { instances } of [props.web, props.app]) instances.watch(releaseAlarms)
    }
  }

  /** The policy that `enforceSSL` creates replaces SNS's default one, which lets services of the account publish. */
  private allowPublishing(service: string): void {
    this.alarms.addToResourcePolicy(
      new PolicyStatement({
        // With ids the statements stay separate, one for each service.
        sid: service.replace(/\..*/, ''),
        principals: [new ServicePrincipal(service)],
        actions: ['sns:Publish'],
        resources: [this.alarms.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    )
  }

  /** Their alarms show a bad release within minutes, and stop its deployment. */
  private monitorRequests({ web }: OperationsProps): readonly Alarm[] {
    const { metrics } = web.loadBalancer
    const minute = { period: Duration.minutes(1) }
    const targetErrors = metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, minute)
    const balancerErrors = metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, minute)
    const latency = metrics.targetResponseTime({ ...minute, statistic: Stats.p(99) })
    const options = { threshold: 10, evaluationPeriods: 3 }
    const alarms = [
      this.addAlarm('Web5xx', 'The web tier responds with 5xx', targetErrors, options),
      this.addAlarm('Alb5xx', 'The public load balancer itself responds with 5xx', balancerErrors, options),
      this.addAlarm('Latency', '1 % of the requests take longer than 1 s', latency, { ...options, threshold: 1 }),
    ]
    this.outageAlarms.push(...alarms)
    this.addGraphs(
      ['Requests', metrics.requestCount(minute)],
      ['5xx', targetErrors, balancerErrors],
      ['Latency (s)', latency, metrics.targetResponseTime({ ...minute, statistic: Stats.p(50) })],
    )
    return alarms
  }

  private monitorInstances({ web, app }: OperationsProps): void {
    const minute = { period: Duration.minutes(1) }
    const most = { ...minute, statistic: Stats.MAXIMUM }
    for (const [name, tier, unhealthy] of [
      ['Web', web, web.targetGroup.metrics.unhealthyHostCount(most)],
      ['App', app, app.targetGroup.metrics.unHealthyHostCount(most)],
    ] as const) {
      const healthy = tier.targetGroup.metrics.healthyHostCount(most)
      const dimensionsMap = { AutoScalingGroupName: tier.instances.group.autoScalingGroupName }
      const cpu = new Metric({ namespace: 'AWS/EC2', metricName: 'CPUUtilization', dimensionsMap, ...minute })
      const memory = new Metric({ namespace: product, metricName: 'mem_used_percent', dimensionsMap, ...most })
      const disk = new Metric({ namespace: product, metricName: 'disk_used_percent', dimensionsMap, ...most })
      // Longer than a new instance may take to boot, during which it is unhealthy.
      this.addAlarm(`${name}Unhealthy`, `An instance of the ${name} tier stays unhealthy`, unhealthy, {
        threshold: 1,
        evaluationPeriods: 15,
      })
      // Above the scaling target: the group is at its maximum size and still overloaded.
      this.addAlarm(`${name}Cpu`, `The ${name} tier uses 85 % of its CPU`, cpu, {
        threshold: 85,
        evaluationPeriods: 10,
      })
      // A load balancer without any instance in service publishes no count.
      const lost = this.addAlarm(`${name}Lost`, `No instance of the ${name} tier is healthy`, healthy, {
        threshold: 1,
        evaluationPeriods: 2,
        comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.BREACHING,
      })
      this.outageAlarms.push(lost)
      this.addAlarm(`${name}Memory`, `An instance of the ${name} tier uses 90 % of its memory`, memory, {
        threshold: 90,
      })
      this.addAlarm(`${name}Disk`, `An instance of the ${name} tier uses 85 % of its disk`, disk, { threshold: 85 })
      this.addGraphs([`${name}: targets`, healthy, unhealthy], [`${name}: CPU, memory, disk (%)`, cpu, memory, disk])
    }
  }

  private monitorDatabase({ config, data: { cluster } }: OperationsProps): void {
    const minute = { period: Duration.minutes(1) }
    const most = { ...minute, statistic: Stats.MAXIMUM }
    const least = { ...minute, statistic: Stats.MINIMUM }
    const below = { comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD }
    const connections = cluster.metricDatabaseConnections(most)
    const memory = cluster.metricFreeableMemory(least)
    const storage = cluster.metric('FreeLocalStorage', least)
    const lag = cluster.metric('AuroraReplicaLagMaximum', most)
    const cpu = ['Writer', ...(config.databaseReader ? ['Reader'] : [])].map((role) => {
      // By role, because an average of both hides a busy writer, and a failover changes which instance that is.
      const dimensionsMap = { DBClusterIdentifier: cluster.clusterIdentifier, Role: role.toUpperCase() }
      const usage = new Metric({ namespace: 'AWS/RDS', metricName: 'CPUUtilization', dimensionsMap, ...minute })
      const uptime = new Metric({ namespace: 'AWS/RDS', metricName: 'EngineUptime', dimensionsMap, ...most })
      this.addAlarm(`${role}Cpu`, `The database's ${role.toLowerCase()} uses 85 % of its CPU`, usage, {
        threshold: 85,
        evaluationPeriods: 10,
      })
      this.addAlarm(`${role}Lost`, `The database has no ${role.toLowerCase()}`, uptime, {
        ...below,
        threshold: 1,
        treatMissingData: TreatMissingData.BREACHING,
      })
      return usage
    })
    this.addAlarm('DatabaseConnections', 'More connections are open than the largest app group may have', connections, {
      threshold: connectionsPerInstance * config.maxInstances,
    })
    if (config.databaseReader) this.addAlarm('ReplicaLag', 'Replica lag has reached 1 s', lag, { threshold: 1000 })
    this.addAlarm('DatabaseMemory', 'A database instance has less than 200 MB of free memory', memory, {
      ...below,
      threshold: 200 * 1024 ** 2,
    })
    this.addAlarm('DatabaseStorage', 'A database instance has less than 2 GB for temporary files', storage, {
      ...below,
      threshold: 2 * 1024 ** 3,
    })
    this.addGraphs(
      ['Database: CPU (%)', ...cpu],
      ['Database: connections', connections],
      ['Database: free memory (bytes)', memory],
      ['Database: replica lag (ms)', lag],
    )
  }

  private monitorFunctions({ data }: OperationsProps): void {
    for (const handler of data.node.findAll().filter((node) => node instanceof DatabaseFunction)) {
      const name = handler.node.scope?.node.id
      const errors = handler.metricErrors({ period: Duration.minutes(5) })
      this.addAlarm(`${name}Errors`, `The ${name} function has failed`, errors, { threshold: 1, evaluationPeriods: 1 })
    }
  }

  /** Fires when `threshold` is reached in every evaluation period, 5 min by default. Missing data is no alarm. */
  private addAlarm(
    id: string,
    alarmDescription: string,
    metric: IMetric,
    options: Pick<AlarmProps, 'threshold'> & Partial<AlarmProps>,
  ): Alarm {
    const alarm = new Alarm(this, id, {
      alarmDescription,
      metric,
      evaluationPeriods: 5,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      actionsEnabled: this.notifies,
      ...options,
    })
    alarm.addAlarmAction(new SnsAction(this.alarms))
    return alarm
  }

  private addGraphs(...graphs: readonly (readonly [title: string, ...metrics: IMetric[]])[]): void {
    const width = 24 / graphs.length
    this.dashboard.addWidgets(...graphs.map(([title, ...left]) => new GraphWidget({ title, left, width })))
  }

  private addBudget({ monthlyBudgetDollars, stackName }: Config): void {
    const notification = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: { notificationType, threshold, comparisonOperator: 'GREATER_THAN' },
      subscribers: [{ subscriptionType: 'SNS', address: this.alarms.topicArn }],
    })
    const budget = new CfnBudget(this, 'Budget', {
      budget: {
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: monthlyBudgetDollars, unit: 'USD' },
        costFilters: { TagKeyValue: [`user:Deployment$${stackName}`] },
      },
      notificationsWithSubscribers: [notification('ACTUAL', 80), notification('FORECASTED', 100)],
    })
    // AWS tries to publish when the budget is created.
    budget.node.addDependency(this.alarms)
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
            // The boot script and the patch scan use dnf at the same time.
            'until dnf install --assumeyes --quiet amazon-cloudwatch-agent; do sleep 5; done',
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
    // Narrower than the library's grant, which allows what the agent does not do.
    const right = { actions: ['ssm:GetParameter'], resources: [agent.parameterArn] }
    for (const { instances } of [web, app]) instances.role.addToPolicy(new PolicyStatement(right))
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
