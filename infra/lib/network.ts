import { RemovalPolicy } from 'aws-cdk-lib'
import {
  type CfnInstance,
  CpuCredits,
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  type IIpAddresses,
  InstanceType,
  type ISecurityGroup,
  NatInstanceProviderV2,
  NatProvider,
  NatTrafficDirection,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  UserData,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3'
import { Duration } from 'aws-cdk-lib/core'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import { contract } from './contract.ts'
import { machineImage } from './machine-image.ts'

/** The VPC with one subnet per role and zone, the log bucket, and the security groups of the tiers. */
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
      // Load balancers cannot write to a bucket that is encrypted with a KMS key.
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(config.logRetentionDays) }],
      // Load balancers write until they are deleted, so an emptied bucket does not stay empty.
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(this.logBucket, 'AwsSolutions-S1', 'It is the log bucket. Logging its own access would create a loop.')

    const natInstance = NatProvider.instanceV2({
      instanceType: new InstanceType('t4g.nano'),
      // A newer one would replace it while functions and booting instances need it.
      machineImage: machineImage(config, 'arm64'),
      associatePublicIpAddress: true,
      defaultAllowedTraffic: NatTrafficDirection.NONE,
      creditSpecification: CpuCredits.STANDARD,
      userData: natUserData(),
    })
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: numberedSubnets,
      availabilityZones: [...config.zones],
      natGateways: { none: 0, instance: 1, gateway: 1, 'gateway per zone': 2 }[config.nat],
      ...(config.nat === 'instance' ? { natGatewayProvider: natInstance } : {}),
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
        { name: 'Web', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        { name: 'App', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        { name: 'Db', subnetType: SubnetType.PRIVATE_ISOLATED },
        { name: 'Function', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      ],
      // Image layers and packages come from S3. Without the NAT gateway that traffic is free.
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
      flowLogs: { All: { destination: FlowLogDestination.toS3(this.logBucket, 'flow-logs') } },
      // Emptying its rules needs a function with wide permissions. Nothing uses the default group.
      restrictDefaultSecurityGroup: false,
    })

    this.albSecurityGroup = this.createSecurityGroup('AlbSecurityGroup', 'The public balancer')
    this.webSecurityGroup = this.createSecurityGroup('WebSecurityGroup', 'The web tier')
    this.nlbSecurityGroup = this.createSecurityGroup('NlbSecurityGroup', 'The internal balancer')
    this.appSecurityGroup = this.createSecurityGroup('AppSecurityGroup', 'The app tier')
    this.functionSecurityGroup = this.createSecurityGroup('FunctionSecurityGroup', 'The functions')
    this.databaseSecurityGroup = this.createSecurityGroup('DatabaseSecurityGroup', 'The database')
    this.allowTraffic(config)
    if (config.nat === 'instance') this.allowForwarding(natInstance)
  }

  /** A security group without rules. Another description makes CloudFormation replace it. */
  private createSecurityGroup(id: string, description: string): ISecurityGroup {
    return new SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false })
  }

  /** Internet → ALB → web → NLB → app → database, and functions → database, with each rule on both ends. */
  private allowTraffic({ certificate }: Config): void {
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
    acknowledge(
      this.albSecurityGroup,
      'AwsSolutions-EC23',
      'A public web site accepts the internet, on its web ports only.',
    )
  }

  /** Instances and functions → NAT instance → AWS APIs and packages. */
  private allowForwarding(nat: NatInstanceProviderV2): void {
    for (const caller of [this.webSecurityGroup, this.appSecurityGroup, this.functionSecurityGroup]) {
      nat.connections.allowFrom(caller, Port.tcp(443), 'AWS APIs and packages')
    }
    nat.connections.allowTo(Peer.anyIpv4(), Port.tcp(443), 'AWS APIs and packages')
    for (const instance of nat.gatewayInstances) {
      const resource = instance.node.defaultChild as CfnInstance
      resource.metadataOptions = { httpTokens: 'required', httpPutResponseHopLimit: 1 }
      resource.blockDeviceMappings = [
        { deviceName: '/dev/xvda', ebs: { volumeSize: 8, volumeType: 'gp3', encrypted: true } },
      ]
      acknowledge(
        instance,
        'AwsSolutions-EC26',
        'The rule fails on an instance beside launch templates. An own rule checks it.',
      )
      acknowledge(
        instance,
        'AwsSolutions-EC28',
        'It forwards packets for a demonstration. Its basic metrics are enough.',
      )
      acknowledge(instance, 'AwsSolutions-EC29', 'It has no data. CloudFormation creates it anew.')
    }
  }
}

/** The library's commands of a NAT instance, which do not expect another installation: https://github.com/aws/aws-cdk/issues/36717 */
function natUserData(): UserData {
  const [install, ...commands] = NatInstanceProviderV2.DEFAULT_USER_DATA_COMMANDS
  const userData = UserData.forLinux()
  userData.addCommands(`until ${install}; do sleep 5; done`, ...commands)
  return userData
}

/** 10.0.1.0/24, 10.0.2.0/24, … in the order of the subnets, two per role. The third byte identifies the subnet. */
const numberedSubnets: IIpAddresses = {
  allocateVpcCidr: () => ({ cidrBlock: '10.0.0.0/16' }),
  allocateSubnetsCidr: ({ requestedSubnets }) => ({
    allocatedSubnets: requestedSubnets.map((_, index) => ({ cidr: `10.0.${index + 1}.0/24` })),
  }),
}
