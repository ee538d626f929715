import { Duration } from 'aws-cdk-lib'
import { Certificate, CertificateValidation, type ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import {
  ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  ListenerAction,
  SslPolicy,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { ARecord, HostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53'
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets'
import { Construct } from 'constructs'
import type { CertificateConfig, Config } from './config.ts'
import { contract } from './contract.ts'
import { InstanceGroup } from './instance-group.ts'
import type { Network } from './network.ts'

export interface WebTierProps {
  readonly config: Config
  readonly network: Network
  /** Address of the app, `host:port`. */
  readonly upstream: string
}

/** The public load balancer and the Apache instances behind it. */
export class WebTier extends Construct {
  readonly loadBalancer: ApplicationLoadBalancer
  readonly targetGroup: ApplicationTargetGroup
  readonly instances: InstanceGroup
  /** Public address of the site. */
  readonly url: string

  constructor(scope: Construct, id: string, { config, network, upstream }: WebTierProps) {
    super(scope, id)

    this.loadBalancer = new ApplicationLoadBalancer(this, 'Alb', {
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'Public' },
      internetFacing: true,
      securityGroup: network.albSecurityGroup,
      idleTimeout: Duration.seconds(contract.albIdleSeconds),
      dropInvalidHeaderFields: true,
      deletionProtection: config.protect,
    })
    this.loadBalancer.logAccessLogs(network.logBucket, 'alb')

    this.targetGroup = new ApplicationTargetGroup(this, 'Targets', {
      vpc: network.vpc,
      protocol: ApplicationProtocol.HTTP,
      port: contract.webPort,
      healthCheck: {
        path: contract.healthPath,
        healthyHttpCodes: '200',
        interval: Duration.seconds(30),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 5,
        unhealthyThresholdCount: 2,
      },
      deregistrationDelay: Duration.seconds(contract.deregistrationDelaySeconds.web),
    })
    this.addListeners(config)

    this.instances = new InstanceGroup(this, 'Instances', {
      config,
      network,
      tier: 'web',
      server: 'ApacheWeb',
      subnetGroupName: 'Web',
      securityGroup: network.webSecurityGroup,
      buildContextExcludes: ['apps/app', 'docker/haproxy', 'docker/mysql', 'docker/prometheus', 'packages'],
      port: contract.webPort,
      environment: {
        APP_UPSTREAM: upstream,
        // Commas: a space would end the option of `docker run`.
        BALANCER_NETWORKS: network.vpc
          .selectSubnets({ subnetGroupName: 'Public' })
          .subnets.map(({ ipv4CidrBlock }) => ipv4CidrBlock)
          .join(),
      },
      targetGroup: this.targetGroup,
    })
    this.url = config.certificate
      ? `https://${config.certificate.domainName}/`
      : `http://${this.loadBalancer.loadBalancerDnsName}/`
  }

  private addListeners({ certificate }: Config): void {
    // The security group has its own ingress rules.
    const common = { loadBalancer: this.loadBalancer, open: false }
    const forward = ListenerAction.forward([this.targetGroup])
    new ApplicationListener(this, 'Http', {
      ...common,
      port: contract.publicPort,
      protocol: ApplicationProtocol.HTTP,
      defaultAction: certificate
        ? ListenerAction.redirect({ protocol: 'HTTPS', port: '443', permanent: true })
        : forward,
    })
    if (!certificate) return
    const https = new ApplicationListener(this, 'Https', {
      ...common,
      port: 443,
      protocol: ApplicationProtocol.HTTPS,
      certificates: [this.certificateOf(certificate)],
      sslPolicy: SslPolicy.TLS13_12_RES_PQ,
      defaultAction: forward,
    })
    // Here, because TLS ends here: the tiers behind it speak HTTP, as they do locally.
    https.setAttribute('routing.http.response.strict_transport_security.header_value', 'max-age=31536000')
  }

  /** The configured certificate, or a new one with the DNS record of the site. */
  private certificateOf(config: CertificateConfig): ICertificate {
    if ('arn' in config) return Certificate.fromCertificateArn(this, 'Certificate', config.arn)
    const { domainName, hostedZone } = config
    const zone = HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: hostedZone.id,
      zoneName: hostedZone.name,
    })
    new ARecord(this, 'Record', {
      zone,
      recordName: `${domainName}.`,
      target: RecordTarget.fromAlias(new LoadBalancerTarget(this.loadBalancer)),
    })
    return new Certificate(this, 'Certificate', { domainName, validation: CertificateValidation.fromDns(zone) })
  }
}
