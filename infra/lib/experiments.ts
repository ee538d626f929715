import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib'
import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnExperimentTemplate } from 'aws-cdk-lib/aws-fis'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import type { Data } from './data.ts'
import type { Network } from './network.ts'

export interface ExperimentsProps {
  readonly config: Config
  readonly network: Network
  readonly data: Data
  /** Each of them stops an experiment. */
  readonly alarms: readonly IAlarm[]
}

/** A fault of AWS Fault Injection Service. */
interface Experiment {
  readonly description: string
  readonly actionId: string
  readonly parameters?: Readonly<Record<string, string>>
  /** Name of the action's target, and what it is. */
  readonly target: readonly [name: string, target: CfnExperimentTemplate.ExperimentTemplateTargetProperty]
}

/** The drills of packages/drills that AWS can repeat, under the drills' names, and the loss of a zone's network. */
export class Experiments extends Construct {
  constructor(scope: Construct, id: string, { config, network, data, alarms }: ExperimentsProps) {
    super(scope, id)
    const { stackName } = Stack.of(this)
    const { cluster } = data
    const logs = new LogGroup(this, 'Logs', {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = this.createRole(data, logs)

    const oneOf = (server: string): Experiment['target'] => [
      'Instances',
      {
        resourceType: 'aws:ec2:instance',
        resourceTags: { Server: server, Deployment: stackName },
        filters: [{ path: 'State.Name', values: ['running'] }],
        selectionMode: 'COUNT(1)',
      },
    ]
    const database = (index: number): Experiment['target'] => [
      'DBInstances',
      {
        resourceType: 'aws:rds:db',
        resourceArns: [this.arnOf('db', cluster.instanceIdentifiers[index])],
        selectionMode: 'ALL',
      },
    ]
    const subnets = (names: readonly string[], zones: readonly string[]): Experiment['target'] => [
      'Subnets',
      {
        resourceType: 'aws:ec2:subnet',
        resourceArns: names
          .flatMap((subnetGroupName) => network.vpc.selectSubnets({ subnetGroupName }).subnets)
          .filter(({ availabilityZone }) => zones.includes(availabilityZone))
          .map(({ subnetId }) => this.arnOf('subnet', subnetId)),
        selectionMode: 'ALL',
      },
    ]
    const terminate = 'aws:ec2:terminate-instances'
    const reboot = 'aws:rds:reboot-db-instances'
    const disrupt = { actionId: 'aws:network:disrupt-connectivity', parameters: { duration: 'PT2M', scope: 'all' } }

    const experiments: Readonly<Record<string, Experiment>> = {
      'kill-web': { description: 'One web instance is lost', actionId: terminate, target: oneOf('ApacheWeb') },
      'kill-app': { description: 'One app instance is lost', actionId: terminate, target: oneOf('App') },
      'crash-writer': { description: 'The writer restarts', actionId: reboot, target: database(0) },
      partition: { description: 'The app loses the database', ...disrupt, target: subnets(['Db'], config.zones) },
      zone: {
        description: 'A zone loses its network',
        ...disrupt,
        target: subnets(['Public', 'Web', 'App', 'Db', 'Function'], [config.zones[0]]),
      },
    }
    const ofReader: Readonly<Record<string, Experiment>> = {
      'kill-reader': { description: 'The reader restarts', actionId: reboot, target: database(1) },
      failover: {
        description: 'The reader becomes the writer',
        actionId: 'aws:rds:failover-db-cluster',
        target: [
          'Clusters',
          { resourceType: 'aws:rds:cluster', resourceArns: [cluster.clusterArn], selectionMode: 'ALL' },
        ],
      },
    }
    for (const [name, { description, actionId, parameters, target }] of Object.entries({
      ...experiments,
      ...(config.databaseReader ? ofReader : {}),
    })) {
      new CfnExperimentTemplate(this, name, {
        description,
        roleArn: role.roleArn,
        tags: { Name: `${stackName}-${name}`, Deployment: stackName },
        stopConditions: alarms.map(({ alarmArn }) => ({ source: 'aws:cloudwatch:alarm', value: alarmArn })),
        targets: { [name]: target[1] },
        actions: { [name]: { actionId, ...(parameters && { parameters }), targets: { [target[0]]: name } } },
        logConfiguration: { logSchemaVersion: 2, cloudWatchLogsConfiguration: { LogGroupArn: logs.logGroupArn } },
      }).node.addDependency(role)
    }
  }

  private arnOf(resource: 'db' | 'subnet', name: string | undefined): string {
    const stack = Stack.of(this)
    if (resource === 'subnet') return stack.formatArn({ service: 'ec2', resource, resourceName: String(name) })
    return stack.formatArn({
      service: 'rds',
      resource,
      resourceName: String(name),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
  }

  /** https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html */
  private createRole({ cluster }: Data, logs: LogGroup): Role {
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('fis.amazonaws.com') })
    const allow = (actions: readonly string[], resources: readonly string[], conditions = {}) =>
      role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources], conditions }))
    allow(['ec2:TerminateInstances'], ['*'], {
      StringEquals: { 'aws:ResourceTag/Deployment': Stack.of(this).stackName },
    })
    allow(['rds:FailoverDBCluster'], [cluster.clusterArn])
    allow(
      ['rds:RebootDBInstance'],
      cluster.instanceIdentifiers.map((name) => this.arnOf('db', name)),
    )
    allow(
      [
        'ec2:CreateNetworkAcl',
        'ec2:CreateNetworkAclEntry',
        'ec2:CreateTags',
        'ec2:DeleteNetworkAcl',
        'ec2:ReplaceNetworkAclAssociation',
        'ec2:DescribeInstances',
        'ec2:DescribeManagedPrefixLists',
        'ec2:DescribeNetworkAcls',
        'ec2:DescribeSubnets',
        'ec2:DescribeVpcs',
        'rds:DescribeDBClusters',
        'rds:DescribeDBInstances',
        'tag:GetResources',
        'logs:CreateLogDelivery',
        'logs:DescribeLogGroups',
        'logs:DescribeResourcePolicies',
        'logs:PutResourcePolicy',
      ],
      ['*'],
    )
    logs.grantWrite(role)
    acknowledge(
      role,
      'AwsSolutions-IAM5[Resource::*]',
      'Instances of this deployment only, by tag; the other actions are listed and support no narrower resource.',
    )
    return role
  }
}
