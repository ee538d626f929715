import { Validations } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { makeStack } from './synthesis.ts'

/** What was accepted on the constructs below the stack, where the library accepts its own, as `path: rule`. */
function acknowledged(config = configs.dev as (typeof configs)['dev' | 'prod']) {
  const { stack } = makeStack({ config })
  return stack.node
    .findAll()
    .slice(1)
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.entries(data as Record<string, string>))
        .map(([rule, reason]) => ({ finding: `${node.path.replace(/^[^/]*\//, '')}: ${rule}`, reason })),
    )
}

describe('the acknowledged findings', () => {
  it('are these, each of one rule on one construct, for a reason', () => {
    expect(
      acknowledged()
        .map(({ finding }) => finding)
        .sort(),
    ).toMatchInlineSnapshot(`
      [
        "App/Instances/Group: Annotation::AwsSolutions-AS3",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::<NetworkLogs410D5F1E.Arn>/ssm/*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-patch-manager-ap-northeast-1-*/*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-ssm-ap-northeast-1/*]",
        "App/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::patch-baseline-snapshot-ap-northeast-1/*]",
        "Data/Cluster: Annotation::AwsSolutions-RDS10",
        "Data/Cluster: Annotation::AwsSolutions-RDS11",
        "Data/Cluster: Annotation::AwsSolutions-RDS14",
        "Data/Rotation/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "Data/Rotation/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]",
        "Data/Rotation/Function: Annotation::AwsSolutions-IAM5[Resource::*]",
        "Data/Schema/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "Data/Schema/Function: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]",
        "Data/Schema/Provider: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "Data/Schema/Provider: Annotation::AwsSolutions-IAM5[Resource::<DataSchemaFunction55724BF6.Arn>:*]",
        "LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a: Annotation::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a: Annotation::AwsSolutions-IAM5[Resource::*]",
        "Network/AlbSecurityGroup: Annotation::AwsSolutions-EC23",
        "Network/Logs: Annotation::AwsSolutions-S1",
        "Network/Vpc/All: CloudFormation-Validate::F3002",
        "Network/Vpc/All: CloudFormation-Validate::F3003",
        "Web/Instances/Group: Annotation::AwsSolutions-AS3",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::<NetworkLogs410D5F1E.Arn>/ssm/*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-patch-manager-ap-northeast-1-*/*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::aws-ssm-ap-northeast-1/*]",
        "Web/Instances/Role: Annotation::AwsSolutions-IAM5[Resource::arn:aws:s3:::patch-baseline-snapshot-ap-northeast-1/*]",
      ]
    `)
    for (const { reason } of acknowledged()) expect(reason).toMatch(/^.{20,}$/)
  })

  it('are fewer in prod, which is protected', () => {
    const findings = new Set(acknowledged(configs.prod).map(({ finding }) => finding))
    const droppable = acknowledged().filter(({ finding }) => !findings.has(finding))
    expect(droppable.map(({ finding }) => finding)).toEqual(['Data/Cluster: Annotation::AwsSolutions-RDS10'])
  })
})
