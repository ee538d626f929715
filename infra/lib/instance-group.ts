import { certificatesFile, repositoryRoot } from '@repo/compose'
import { DockerBuildSecret, Duration, Lazy, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib'
import {
  AdditionalHealthCheckType,
  AutoScalingGroup,
  type CfnAutoScalingGroup,
  HealthChecks,
  Signals,
  UpdatePolicy,
} from 'aws-cdk-lib/aws-autoscaling'
import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch'
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  type ISecurityGroup,
  LaunchTemplate,
} from 'aws-cdk-lib/aws-ec2'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import type { ApplicationTargetGroup, NetworkTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { bootScript } from './boot.ts'
import type { Config } from './config.ts'
import { contract } from './contract.ts'
import { instanceRole } from './instance-role.ts'
import { machineImage } from './machine-image.ts'
import type { Network } from './network.ts'

export interface InstanceGroupProps {
  readonly config: Config
  readonly network: Network
  /** Name of the container and of the Dockerfile's folder. */
  readonly tier: 'web' | 'app'
  /** Value of the tag `Server`, by which the associations select the instances. */
  readonly server: 'ApacheWeb' | 'App'
  readonly subnetGroupName: string
  readonly securityGroup: ISecurityGroup
  /** Paths of the build context that this tier's Dockerfile does not copy. A change there must not replace instances. */
  readonly buildContextExcludes: readonly string[]
  readonly port: number
  readonly environment: Readonly<Record<string, string>>
  /** A database user's secret. Its password is stored in a file that the container's user may read. */
  readonly secret?: ISecret
  readonly targetGroup: ApplicationTargetGroup | NetworkTargetGroup
}

/** How long a new instance watches the alarms: three periods of a minute, and the delay of the metrics. */
const bakeTime = Duration.minutes(6)
/** Boot time, ten health checks of the slower load balancer, and the bake time. */
const signalTimeout = Duration.minutes(20)

/** Instances spread over the zones, each running one container of one image behind one target group. */
export class InstanceGroup extends Construct {
  readonly group: AutoScalingGroup
  readonly role: Role
  /** The containers' log group. */
  readonly logs: LogGroup

  private readonly watched: IAlarm[] = []

  constructor(scope: Construct, id: string, props: InstanceGroupProps) {
    super(scope, id)
    const { config, network, tier, server, secret, targetGroup } = props
    const stack = Stack.of(this)

    const image = tierImage(this, { ...props, directory: repositoryRoot })
    this.logs = new LogGroup(this, 'Logs', {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })

    this.role = instanceRole(this, network)
    this.logs.grantWrite(this.role)
    // Narrower than the library's grants, which allow what an instance does not do.
    const rights = [
      { actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'], resources: [image.repository.repositoryArn] },
      ...(secret ? [{ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }] : []),
      { actions: ['cloudformation:DescribeStacks'], resources: [stack.stackId] },
    ]
    for (const right of rights) this.role.addToPolicy(new PolicyStatement(right))

    const launchTemplate = new LaunchTemplate(this, 'LaunchTemplate', {
      machineImage: machineImage(config, config.architecture),
      instanceType: new InstanceType(config.instanceType),
      role: this.role,
      securityGroup: props.securityGroup,
      requireImdsv2: true,
      // One hop ends at the instance, so that containers cannot get its credentials.
      httpPutResponseHopLimit: 1,
      detailedMonitoring: true,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(8, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
        },
      ],
      userData: bootScript({
        tier,
        region: stack.region,
        stack: stack.stackName,
        group: Lazy.string({
          produce: () => stack.getLogicalId(this.group.node.defaultChild as CfnAutoScalingGroup),
        }),
        target_group: targetGroup.targetGroupArn,
        image: image.imageUri,
        port: String(props.port),
        health_path: contract.healthPath,
        log_group: this.logs.logGroupName,
        stop_seconds: String(contract.stopGraceSeconds),
        memory: contract.limits[tier].memory,
        processes: String(contract.limits[tier].processes),
        alarms: Lazy.string({ produce: () => this.watched.map(({ alarmName }) => alarmName).join(' ') }),
        bake_seconds: String(bakeTime.toSeconds()),
        secret: secret?.secretArn ?? '',
        secret_gid: secret ? String(contract.appUid) : '',
        environment: Object.entries(props.environment).map(([name, value]) => `${name}=${value}`),
      }),
    })

    const subnets = network.vpc.selectSubnets({ subnetGroupName: props.subnetGroupName })
    this.group = new AutoScalingGroup(this, 'Group', {
      vpc: network.vpc,
      vpcSubnets: subnets,
      launchTemplate,
      // No desired capacity, because each deployment would reset the group to it.
      minCapacity: config.minInstances,
      maxCapacity: config.maxInstances,
      healthChecks: HealthChecks.withAdditionalChecks({
        gracePeriod: signalTimeout,
        additionalTypes: [AdditionalHealthCheckType.ELB],
      }),
      // A group without instances has none to wait for and none to replace.
      ...(config.maxInstances > 0 && {
        signals: Signals.waitForMinCapacity({ timeout: signalTimeout }),
        updatePolicy: UpdatePolicy.rollingUpdate({
          maxBatchSize: 1,
          minInstancesInService: config.minInstances,
          pauseTime: signalTimeout,
        }),
      }),
    })
    targetGroup.addTarget(this.group)
    this.group.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 60 })
    for (const tagged of [launchTemplate, this.group]) Tags.of(tagged).add('Server', server)
    acknowledge(this.group, 'AwsSolutions-AS3', 'Scaling is routine. Alarms notify when a person is needed.')
    // Permissions and internet access exist before the first boot.
    this.group.node.addDependency(this.role, subnets.internetConnectivityEstablished, targetGroup.loadBalancerAttached)
  }

  /** Stops a deployment when one of these starts to fire while a new instance serves (ADR 0080). */
  watch(alarms: readonly IAlarm[]): void {
    this.watched.push(...alarms)
  }
}

export interface TierImageProps extends Pick<InstanceGroupProps, 'config' | 'tier' | 'buildContextExcludes'> {
  /** The checkout. */
  readonly directory: string
}

/** The image of a tier. Its hash decides whether a deployment replaces the tier's instances. */
export function tierImage(scope: Construct, props: TierImageProps): DockerImageAsset {
  const { config, tier, directory, buildContextExcludes } = props
  const file = `docker/${tier}/Dockerfile`
  return new DockerImageAsset(scope, 'Image', {
    directory,
    file,
    platform: config.architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
    buildArgs: config.pins.images,
    // Docker sends the Dockerfile whatever .dockerignore says. CDK's copy of the context has to include it.
    exclude: [...buildContextExcludes, `!${file}`],
    // Behind a proxy that intercepts TLS the build needs this machine's authorities, and the image is the same.
    buildSecrets: { ca: DockerBuildSecret.fromSrc(certificatesFile()) },
    invalidation: { buildSecrets: false },
  })
}
