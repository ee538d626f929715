import { repositoryRoot } from '@repo/compose'
import { type Duration, RemovalPolicy } from 'aws-cdk-lib'
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
  /** The file in `functions/`, without its suffix. */
  readonly name: 'schema' | 'rotation'
  readonly timeout: Duration
  /** A file that the function reads beside its code. */
  readonly file?: string
}

/** A function in the VPC that reaches the database and AWS APIs, nothing else. */
export class DatabaseFunction extends NodejsFunction {
  constructor(scope: Construct, id: string, { config, network, name, timeout, file }: DatabaseFunctionProps) {
    super(scope, id, {
      entry: `${repositoryRoot}/infra/functions/${name}.ts`,
      projectRoot: repositoryRoot,
      depsLockFilePath: `${repositoryRoot}/package-lock.json`,
      bundling: {
        bundleAwsSDK: true,
        target: 'node24',
        format: OutputFormat.ESM,
        mainFields: ['module', 'main'],
        // mysql2 is CommonJS and calls `require`.
        banner: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
        logLevel: LogLevel.WARNING,
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (_input, output) => (file ? [`cp "${file}" "${output}"`] : []),
        },
      },
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout,
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
        'The managed policy allows what every function in a VPC needs: log lines and its network interfaces.',
      )
    }
  }
}
