import type { Migration } from '@repo/db'
import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { AppTier } from './app-tier.ts'
import type { Config } from './config.ts'
import { Data } from './data.ts'
import { Network } from './network.ts'
import { Operations } from './operations.ts'
import { WebTier } from './web-tier.ts'

export interface ThreeTierStackProps {
  readonly config: Config
  readonly migrations: readonly Migration[]
}

/** The whole deployment: ALB → web → NLB → app → Aurora. */
export class ThreeTierStack extends Stack {
  constructor(scope: Construct, { config, migrations }: ThreeTierStackProps) {
    super(scope, config.stackName, {
      description: 'Three-tier: Apache, Node and Aurora MySQL behind two balancers',
      env: { region: config.region },
      terminationProtection: config.protect,
    })
    const network = new Network(this, 'Network', config)
    const data = new Data(this, 'Data', { config, network, migrations })
    const app = new AppTier(this, 'App', { config, network, data })
    const web = new WebTier(this, 'Web', { config, network, upstream: app.upstream })
    const operations = new Operations(this, 'Operations', { config, network, web, app, data })

    const outputs = {
      Url: [web.url, 'The site'],
      BalancerAddress: [web.balancer.loadBalancerDnsName, 'What a name of your own points at'],
      Dashboard: [operations.dashboard.dashboardName, 'In CloudWatch'],
      AlarmTopic: [operations.alarms.topicArn, 'Subscribe to be told'],
      LogBucket: [network.logBucket.bucketName, 'Access logs, flow logs, output of the associations'],
      WebGroup: [web.instances.group.autoScalingGroupName, 'Its instances take Session Manager sessions'],
      AppGroup: [app.instances.group.autoScalingGroupName, 'Its instances take Session Manager sessions'],
      WebLogs: [web.instances.logs.logGroupName, 'What its containers say'],
      AppLogs: [app.instances.logs.logGroupName, 'What its containers say'],
      DatabaseCluster: [data.cluster.clusterIdentifier, 'For a failover or a restore'],
      AppSecret: [data.appSecret.secretArn, 'The password to rotate'],
      DatabaseWriter: [data.cluster.clusterEndpoint.hostname, 'Reached from the app tier only'],
    } as const
    for (const [id, [value, description]] of Object.entries(outputs)) new CfnOutput(this, id, { value, description })
  }
}
