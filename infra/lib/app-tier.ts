import { Duration } from 'aws-cdk-lib'
import {
  NetworkListener,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
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

/** The internal load balancer and the Node instances behind it. */
export class AppTier extends Construct {
  readonly loadBalancer: NetworkLoadBalancer
  readonly targetGroup: NetworkTargetGroup
  readonly instances: InstanceGroup
  /** Address of the app for the web tier, `host:port`. */
  readonly upstream: string

  constructor(scope: Construct, id: string, { config, network, data }: AppTierProps) {
    super(scope, id)

    this.loadBalancer = new NetworkLoadBalancer(this, 'Nlb', {
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'App' },
      internetFacing: false,
      securityGroups: [network.nlbSecurityGroup],
      crossZoneEnabled: true,
      deletionProtection: config.protect,
    })
    acknowledge(
      this.loadBalancer,
      'AwsSolutions-ELB2',
      'It writes access logs of TLS listeners only. Flow logs have its TCP.',
    )
    this.upstream = `${this.loadBalancer.loadBalancerDnsName}:${contract.appPort}`

    this.targetGroup = new NetworkTargetGroup(this, 'Targets', {
      vpc: network.vpc,
      protocol: Protocol.TCP,
      port: contract.appPort,
      // The app accepts connections from the load balancer only.
      preserveClientIp: false,
      healthCheck: {
        protocol: Protocol.HTTP,
        path: contract.healthPath,
        interval: Duration.seconds(10),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
      deregistrationDelay: Duration.seconds(contract.deregistrationDelaySeconds.app),
    })
    // A draining target fails its health check on purpose and still has requests in flight.
    this.targetGroup.setAttribute('target_health_state.unhealthy.connection_termination.enabled', 'false')
    new NetworkListener(this, 'Tcp', {
      loadBalancer: this.loadBalancer,
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
      buildContextExcludes: ['apps/web', 'docker/haproxy', 'docker/mysql', 'docker/prometheus', 'packages/bench'],
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
        // No traces. A collector would also need an egress rule of the app's security group.
        OTEL_EXPORTER_OTLP_ENDPOINT: '',
      },
      secret: data.appSecret,
      targetGroup: this.targetGroup,
    })
    this.instances.group.node.addDependency(data.schema)
  }
}
