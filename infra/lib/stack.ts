import type { Migration } from '@repo/db'
import { CfnOutput, Stack, Tags } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { AppTier } from './app-tier.ts'
import { Backup } from './backup.ts'
import type { Config } from './config.ts'
import { Data } from './data.ts'
import { Experiments } from './experiments.ts'
import { Firewall } from './firewall.ts'
import { Network } from './network.ts'
import { Operations } from './operations.ts'
import { WebTier } from './web-tier.ts'

export interface DeploymentStackProps {
  readonly config: Config
  readonly migrations: readonly Migration[]
}

/** The whole deployment: ALB → web → NLB → app → Aurora. */
export class DeploymentStack extends Stack {
  constructor(scope: Construct, { config, migrations }: DeploymentStackProps) {
    super(scope, config.stackName, {
      description: 'Apache, Node and Aurora MySQL behind two load balancers',
      env: { region: config.region },
      terminationProtection: config.protect,
    })
    // Activated as a cost allocation tag, it separates the deployments of an account.
    Tags.of(this).add('Deployment', config.stackName)
    const network = new Network(this, 'Network', config)
    const data = new Data(this, 'Data', { config, network, migrations })
    if (config.backupCopyRegion) {
      new Backup(this, 'Backup', { cluster: data.cluster, copyRegion: config.backupCopyRegion })
    }
    const app = new AppTier(this, 'App', { config, network, data })
    const web = new WebTier(this, 'Web', { config, network, upstream: app.upstream })
    // A deployment changes the schema, then the app, then the web tier: each works with the release before of the next.
    web.instances.group.node.addDependency(app.instances.group)
    if (config.firewall) new Firewall(this, 'Firewall', { config, loadBalancer: web.loadBalancer })
    const operations = new Operations(this, 'Operations', { config, network, web, app, data })

    if (String(this.node.tryGetContext('experiments')) === 'true') {
      new Experiments(this, 'Experiments', { config, network, data, alarms: operations.outageAlarms })
    }

    const outputs = {
      Url: [web.url, 'Address of the site'],
      BalancerAddress: [web.loadBalancer.loadBalancerDnsName, 'Target of a DNS record of your own'],
      Dashboard: [operations.dashboard.dashboardName, 'Name of the CloudWatch dashboard'],
      AlarmTopic: [operations.alarms.topicArn, 'Topic of the alarms'],
      LogBucket: [network.logBucket.bucketName, 'Access logs, flow logs, output of the associations'],
      WebGroup: [web.instances.group.autoScalingGroupName, 'Its instances accept Session Manager sessions'],
      AppGroup: [app.instances.group.autoScalingGroupName, 'Its instances accept Session Manager sessions'],
      WebLogs: [web.instances.logs.logGroupName, 'Container logs'],
      AppLogs: [app.instances.logs.logGroupName, 'Container logs'],
      DatabaseCluster: [data.cluster.clusterIdentifier, 'For a failover or a restore'],
      AdminSecret: [data.adminSecret.secretArn, "Secret of the database's master user"],
      AppSecret: [data.appSecret.secretArn, "Secret of the app's database user"],
      DatabaseWriter: [data.cluster.clusterEndpoint.hostname, 'Reachable from the app tier and the functions only'],
    } as const
    for (const [id, [value, description]] of Object.entries(outputs)) new CfnOutput(this, id, { value, description })
  }
}
