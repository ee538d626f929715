import { Duration } from 'aws-cdk-lib'
import {
  NetworkListener,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { Construct } from 'constructs'
import type { Config } from './config.ts'
import { contract } from './contract.ts'
import type { Data } from './data.ts'
import { InstanceGroup } from './instance-group.ts'
import type { Network } from './network.ts'

export interface AppTierProps {
  readonly config: Config
  readonly network: Network
  readonly data: Data
}

/** The internal balancer and the Node instances behind it. */
export class AppTier extends Construct {
  readonly balancer: NetworkLoadBalancer
  readonly targetGroup: NetworkTargetGroup
  readonly instances: InstanceGroup
  /** Where the web tier finds the app: `host:port`. */
  readonly upstream: string

  constructor(scope: Construct, id: string, { config, network, data }: AppTierProps) {
    super(scope, id)

    this.balancer = new NetworkLoadBalancer(this, 'Nlb', {
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'App' },
      internetFacing: false,
      securityGroups: [network.nlbSecurityGroup],
      crossZoneEnabled: true,
      deletionProtection: config.protect,
    })
    this.balancer.logAccessLogs(network.logBucket, 'nlb')
    this.upstream = `${this.balancer.loadBalancerDnsName}:${contract.appPort}`

    this.targetGroup = new NetworkTargetGroup(this, 'Targets', {
      vpc: network.vpc,
      protocol: Protocol.TCP,
      port: contract.appPort,
      // The app then sees the balancer, and only the balancer need reach the app.
      preserveClientIp: false,
      healthCheck: {
        protocol: Protocol.HTTP,
        path: contract.healthPath,
        interval: Duration.seconds(10),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
      deregistrationDelay: Duration.seconds(contract.deregistrationDelaySeconds),
    })
    // A target that drains fails its check on purpose, and has requests in hand.
    this.targetGroup.setAttribute('target_health_state.unhealthy.connection_termination.enabled', 'false')
    new NetworkListener(this, 'Tcp', {
      loadBalancer: this.balancer,
      port: contract.appPort,
      protocol: Protocol.TCP,
      tcpIdleTimeout: Duration.seconds(contract.nlbIdleSeconds),
      defaultTargetGroups: [this.targetGroup],
    })

    this.instances = new InstanceGroup(this, 'Instances', {
      config,
      network,
      tier: 'app',
      server: 'App',
      subnetGroupName: 'App',
      securityGroup: network.appSecurityGroup,
      unread: ['apps/web', 'docker/haproxy', 'docker/mysql', 'docker/prometheus'],
      port: contract.appPort,
      environment: {
        DB_WRITE_ENDPOINT_ADDRESS: data.cluster.clusterEndpoint.hostname,
        DB_READ_ENDPOINT_ADDRESS: data.cluster.clusterReadEndpoint.hostname,
        DB_NAME: contract.databaseName,
        DB_TABLENAME: contract.tableName,
        DB_USER: contract.appUser,
        DB_PASSWORD_FILE: '/run/credentials/password',
        DB_TLS_CA: 'amazon-rds',
        MYSQL_PORT: String(contract.databasePort),
        PORT: String(contract.appPort),
        LOG_LEVEL: 'info',
        // No traces; a collector would need a way out of the app's security group as well.
        OTEL_EXPORTER_OTLP_ENDPOINT: '',
      },
      secret: data.appSecret,
      targetGroup: this.targetGroup,
    })
    this.instances.group.node.addDependency(data.schema)
  }
}
