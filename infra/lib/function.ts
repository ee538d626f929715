import { fileURLToPath } from 'node:url'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import type { Network } from './network.ts'

export interface DatabaseFunctionProps {
  readonly config: Config
  readonly network: Network
  /** The file below `functions/`, without its suffix. */
  readonly name: 'schema' | 'rotation'
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A function beside the database: it reaches the database and AWS's own APIs, nothing else. */
export class DatabaseFunction extends NodejsFunction {
  constructor(scope: Construct, id: string, { config, network, name }: DatabaseFunctionProps) {
    super(scope, id, {
      entry: `${root}infra/functions/${name}.ts`,
      projectRoot: root,
      depsLockFilePath: `${root}package-lock.json`,
      bundling: {
        bundleAwsSDK: true,
        target: 'node24',
        format: OutputFormat.ESM,
        mainFields: ['module', 'main'],
        // The driver's own files ask for each other with it.
        banner: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
        logLevel: LogLevel.WARNING,
      },
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.minutes(2),
      environment: { DB_TLS_CA: 'amazon-rds' },
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'Function' },
      securityGroups: [network.functionSecurityGroup],
      logGroup: new LogGroup(scope, `${id}Logs`, {
        retention: config.logRetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    })
    for (const policy of ['AWSLambdaBasicExecutionRole', 'AWSLambdaVPCAccessExecutionRole']) {
      acknowledge(
        this,
        `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/${policy}]`,
        'What any function in a VPC needs, as AWS keeps it up to date: log lines and its network interfaces.',
      )
    }
  }
}
