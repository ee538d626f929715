import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Migration, serializeMigrations } from '@repo/db'
import { type App, CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { Provider } from 'aws-cdk-lib/custom-resources'
import { Construct } from 'constructs'
import { parameterText } from '../functions/carried-migrations.ts'
import type { SchemaProperties } from '../functions/schema.ts'
import { acknowledge } from './acknowledge.ts'
import type { Config } from './config.ts'
import { contract } from './contract.ts'
import { DatabaseFunction } from './function.ts'
import type { Network } from './network.ts'

export interface SchemaProps {
  readonly config: Config
  readonly network: Network
  readonly migrations: readonly Migration[]
  readonly adminSecret: ISecret
  readonly appSecret: ISecret
}

/** https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm */
const parameterBytes = 4096

/** The tables and the app's user with its privileges: a custom resource whose function applies the migrations. */
export class Schema extends Construct {
  readonly resource: CustomResource

  constructor(scope: Construct, id: string, { config, network, migrations, adminSecret, appSecret }: SchemaProps) {
    super(scope, id)
    const stack = Stack.of(this)

    // Changed SQL is a new parameter: the resource runs again, and a rollback finds the previous SQL.
    const version = createHash('sha256').update(serializeMigrations(migrations)).digest('hex').slice(0, 8)
    // The names have one beginning, so that the function's rights stay as they are: IAM applies others seconds later.
    const folder = `/schema/${stack.stackName}`
    const parameter = new StringParameter(this, `Sql${version}`, {
      parameterName: `${folder}/${version}`,
      description: 'The newest migrations of packages/db/migrations, in order.',
      stringValue: parameterText(migrations, parameterBytes),
    })

    const bundled = join((this.node.root as App).outdir, 'migrations.json')
    writeFileSync(bundled, JSON.stringify(migrations))
    const handler = new DatabaseFunction(this, 'Function', {
      config,
      network,
      name: 'schema',
      // The most that Lambda allows.
      timeout: Duration.minutes(15),
      file: bundled,
    })
    // Narrower than the library's grants, which allow what the function does not do.
    const rights = [
      {
        actions: ['ssm:GetParameter'],
        resources: [stack.formatArn({ service: 'ssm', resource: `parameter${folder}/*` })],
      },
      { actions: ['secretsmanager:GetSecretValue'], resources: [adminSecret.secretArn, appSecret.secretArn] },
    ]
    for (const right of rights) handler.addToRolePolicy(new PolicyStatement(right))
    acknowledge(
      handler,
      `AwsSolutions-IAM5[Resource::arn:${stack.partition}:ssm:${stack.region}:<AWS::AccountId>:parameter${folder}/*]`,
      'The migrations of this deployment only.',
    )

    const provider = new Provider(this, 'Provider', {
      onEventHandler: handler,
      logGroup: new LogGroup(this, 'ProviderLogs', {
        retention: config.logRetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    })
    acknowledge(
      provider,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
      'The managed policy allows writing log lines only.',
    )
    acknowledge(
      provider,
      `AwsSolutions-IAM5[Resource::<${stack.getLogicalId(handler.node.defaultChild as CfnFunction)}.Arn>:*]`,
      'Any version of this one function.',
    )

    const properties: SchemaProperties = {
      Parameter: parameter.parameterName,
      AdminSecret: adminSecret.secretArn,
      AppSecret: appSecret.secretArn,
      Database: contract.databaseName,
      Table: contract.tableName,
    }
    this.resource = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::DatabaseSchema',
      serviceToken: provider.serviceToken,
      // The function responds within its time, the library's provider soon after.
      serviceTimeout: Duration.minutes(20),
      properties: { ...properties },
    })
    // Permissions and network exist before the first call and after the last.
    this.resource.node.addDependency(handler, network.functionSecurityGroup, network.databaseSecurityGroup)
  }
}
