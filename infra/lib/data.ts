import type { Migration } from '@repo/db'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { InstanceType } from 'aws-cdk-lib/aws-ec2'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import {
  AuroraMysqlEngineVersion,
  CaCertificate,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  DatabaseSecret,
  type IClusterInstance,
} from 'aws-cdk-lib/aws-rds'
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import { contract } from './contract.ts'
import type { Network } from './network.ts'
import { Rotation } from './rotation.ts'
import { Schema } from './schema.ts'

export interface DataProps {
  readonly config: Config
  readonly network: Network
  readonly migrations: readonly Migration[]
}

/**
 * The newest that both AWS and the library's validator have; the library has no constant for 8.4 yet. docs/aws.md says how
 * to change it. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.Updates.84Updates.html
 */
const auroraVersion = AuroraMysqlEngineVersion.of('8.4.mysql_aurora.8.4.8', '8.4')

const exportedLogs = { ErrorLogs: 'error', SlowQueryLogs: 'slowquery' } as const

/** Aurora MySQL with a writer and a reader, the secrets of its users, and its schema. */
export class Data extends Construct {
  readonly cluster: DatabaseCluster
  /** Secret of the master user, who migrates and sets passwords. */
  readonly adminSecret: ISecret
  /** Secret of the app's database user. */
  readonly appSecret: ISecret
  /** The tables and the app's user. What needs them depends on this. */
  readonly schema: Schema

  constructor(scope: Construct, id: string, { config, network, migrations }: DataProps) {
    super(scope, id)
    const [firstZone, secondZone] = config.zones

    this.cluster = new DatabaseCluster(this, 'Cluster', {
      engine: DatabaseClusterEngine.auroraMysql({ version: auroraVersion }),
      credentials: Credentials.fromGeneratedSecret(contract.migratorUser),
      defaultDatabaseName: contract.databaseName,
      port: contract.databasePort,
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'Db' },
      securityGroups: [network.databaseSecurityGroup],
      writer: clusterInstance('Writer', config, firstZone),
      readers: config.databaseReader ? [clusterInstance('Reader', config, secondZone)] : [],
      // At 0 it would pause while the app has no requests, and the next one would find it starting for 15 s or more.
      serverlessV2MinCapacity: config.maxInstances > 0 ? 0.5 : 0,
      serverlessV2MaxCapacity: 2,
      storageEncrypted: true,
      iamAuthentication: true,
      parameters: { require_secure_transport: 'ON', slow_query_log: '1', long_query_time: '1', log_output: 'FILE' },
      cloudwatchLogsExports: Object.values(exportedLogs),
      backup: { retention: Duration.days(config.backupRetentionDays) },
      monitoringInterval: Duration.minutes(1),
      copyTagsToSnapshot: true,
      deletionProtection: config.protect,
      removalPolicy: config.protect ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
    })
    acknowledge(
      this.cluster,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]',
      'The managed policy allows RDS to write the metrics of its instances only.',
    )
    acknowledge(
      this.cluster,
      'AwsSolutions-RDS11',
      '3306 is the standard port. Security groups restrict access, not an unusual port.',
    )
    acknowledge(
      this.cluster,
      'AwsSolutions-RDS14',
      'Backups restore to any second. Backtracking the live cluster would lose acknowledged writes.',
    )
    if (!config.protect) {
      acknowledge(this.cluster, 'AwsSolutions-RDS10', 'What is not protected has to be deletable.')
    }

    this.addLogGroups(config)

    this.adminSecret = required(this.cluster.secret)
    this.appSecret = new DatabaseSecret(this, 'AppSecret', {
      username: contract.appUser,
      dbname: contract.databaseName,
      masterSecret: this.adminSecret,
    }).attach(this.cluster)

    const { adminSecret, appSecret } = this
    this.schema = new Schema(this, 'Schema', { config, network, migrations, adminSecret, appSecret })
    // The cluster accepts connections once its writer exists.
    this.schema.resource.node.addDependency(this.cluster.node.findChild('Writer'))

    const rotation = new Rotation(this, 'Rotation', { config, network })
    for (const secret of [adminSecret, appSecret]) {
      // Secrets Manager tests a new schedule at once, which needs the app's user.
      rotation.schedule(secret).node.addDependency(this.schema)
    }
  }

  /** Before an instance writes a log: RDS would create its group without a retention. */
  private addLogGroups({ logRetentionDays }: Config): void {
    for (const [id, log] of Object.entries(exportedLogs)) {
      const group = new LogGroup(this, id, {
        logGroupName: `/aws/rds/cluster/${this.cluster.clusterIdentifier}/${log}`,
        retention: logRetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      })
      for (const instance of ['Writer', 'Reader']) this.cluster.node.tryFindChild(instance)?.node.addDependency(group)
    }
  }
}

function clusterInstance(id: string, config: Config, availabilityZone: string): IClusterInstance {
  const options = {
    availabilityZone,
    // One of the authorities in the bundle that the app and the functions trust.
    caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
    enablePerformanceInsights: config.performanceInsights,
    // By default AWS upgrades in a maintenance window, `prod` perhaps before `dev`, and a deployment of the version that is
    // written here would then fail.
    autoMinorVersionUpgrade: false,
  }
  if (config.databaseInstanceType === 'serverless') return ClusterInstance.serverlessV2(id, options)
  return ClusterInstance.provisioned(id, {
    ...options,
    instanceType: new InstanceType(config.databaseInstanceType),
  })
}

function required(secret: ISecret | undefined): ISecret {
  if (!secret) throw new Error('expected the cluster to generate its secret')
  return secret
}
