import { RemovalPolicy } from 'aws-cdk-lib'
import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  type IIpAddresses,
  type ISecurityGroup,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3'
import { Duration } from 'aws-cdk-lib/core'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import { contract } from './contract.ts'

/** The VPC with one subnet of each role per zone, the bucket for logs, and the security groups that form the chain. */
export class Network extends Construct {
  readonly vpc: Vpc
  readonly logBucket: Bucket
  readonly albSecurityGroup: ISecurityGroup
  readonly webSecurityGroup: ISecurityGroup
  readonly nlbSecurityGroup: ISecurityGroup
  readonly appSecurityGroup: ISecurityGroup
  readonly functionSecurityGroup: ISecurityGroup
  readonly databaseSecurityGroup: ISecurityGroup

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id)

    this.logBucket = new Bucket(this, 'Logs', {
      // Balancers can write to no bucket that is encrypted with a key.
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(config.logRetentionDays) }],
      // The balancers write until they are gone, so an emptied bucket would not stay empty during a teardown.
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(this.logBucket, 'AwsSolutions-S1', 'It is the log bucket; logging its own access would feed itself.')

    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: numberedSubnets,
      availabilityZones: [...config.zones],
      natGateways: config.natGateways,
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
        { name: 'Web', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        { name: 'App', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        { name: 'Db', subnetType: SubnetType.PRIVATE_ISOLATED },
        { name: 'Function', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      ],
      // Image layers and packages come from S3: past the NAT gateway they cost nothing.
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
      flowLogs: { All: { destination: FlowLogDestination.toS3(this.logBucket, 'flow-logs') } },
      // Its rules would be emptied by a function with wide rights; nothing here is ever put into the default group.
      restrictDefaultSecurityGroup: false,
    })

    this.albSecurityGroup = this.closedGroup('AlbSecurityGroup', 'The public balancer')
    this.webSecurityGroup = this.closedGroup('WebSecurityGroup', 'The web tier')
    this.nlbSecurityGroup = this.closedGroup('NlbSecurityGroup', 'The internal balancer')
    this.appSecurityGroup = this.closedGroup('AppSecurityGroup', 'The app tier')
    this.functionSecurityGroup = this.closedGroup('FunctionSecurityGroup', 'The functions')
    this.databaseSecurityGroup = this.closedGroup('DatabaseSecurityGroup', 'The database')
    this.openChain(config)
  }

  /** Lets nothing in or out. */
  private closedGroup(id: string, description: string): ISecurityGroup {
    return new SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false })
  }

  /** World → ALB → web → NLB → app → database, and functions → database; each rule on both of its ends. */
  private openChain({ certificate }: Config): void {
    const { publicPort, webPort, appPort, databasePort } = contract
    const alb = this.albSecurityGroup.connections
    alb.allowFromAnyIpv4(Port.tcp(publicPort), 'The world')
    if (certificate) alb.allowFromAnyIpv4(Port.tcp(443), 'The world')
    alb.allowTo(this.webSecurityGroup, Port.tcp(webPort), 'ALB to web')
    this.webSecurityGroup.connections.allowTo(this.nlbSecurityGroup, Port.tcp(appPort), 'Web to NLB')
    this.nlbSecurityGroup.connections.allowTo(this.appSecurityGroup, Port.tcp(appPort), 'NLB to app')
    for (const client of [this.appSecurityGroup, this.functionSecurityGroup]) {
      client.connections.allowTo(this.databaseSecurityGroup, Port.tcp(databasePort), 'To the database')
    }
    for (const caller of [this.webSecurityGroup, this.appSecurityGroup, this.functionSecurityGroup]) {
      caller.connections.allowTo(Peer.anyIpv4(), Port.tcp(443), 'AWS APIs and packages')
    }
    acknowledge(this.albSecurityGroup, 'AwsSolutions-EC23', 'The one door of a public web site, on its web ports only.')
  }
}

/** 10.0.1.0/24, 10.0.2.0/24, … in the order of the subnets, two of each role: the third byte tells the role. */
const numberedSubnets: IIpAddresses = {
  allocateVpcCidr: () => ({ cidrBlock: '10.0.0.0/16' }),
  allocateSubnetsCidr: ({ requestedSubnets }) => ({
    allocatedSubnets: requestedSubnets.map((_, index) => ({ cidr: `10.0.${index + 1}.0/24` })),
  }),
}
