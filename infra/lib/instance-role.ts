import { type CfnResource, Stack } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import type { Network } from './network.ts'

/** Actions of the agent, Session Manager and the boot script that support no narrower resource. */
const unscopedActions = [
  'ssm:UpdateInstanceInformation',
  'ssm:ListAssociations',
  'ssm:ListInstanceAssociations',
  'ssm:DescribeAssociation',
  'ssm:DescribeDocument',
  'ssm:GetDocument',
  'ssm:GetManifest',
  'ssm:GetDeployablePatchSnapshotForInstance',
  'ssm:PutInventory',
  'ssm:PutComplianceItems',
  'ssm:UpdateAssociationStatus',
  'ssm:UpdateInstanceAssociationStatus',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
  'ec2messages:AcknowledgeMessage',
  'ec2messages:DeleteMessage',
  'ec2messages:FailMessage',
  'ec2messages:GetEndpoint',
  'ec2messages:GetMessages',
  'ec2messages:SendReply',
  'ec2:DescribeTags',
  'cloudwatch:PutMetricData',
  'cloudwatch:DescribeAlarms',
  'ecr:GetAuthorizationToken',
  'elasticloadbalancing:DescribeTargetHealth',
]

/**
 * The role of an instance: managed by Systems Manager, publishes metrics, writes command output to the log bucket.
 * AWS's managed policy for this would also allow reading every parameter of the account.
 */
export function instanceRole(scope: Construct, { logBucket }: Network): Role {
  const { partition, region } = Stack.of(scope)
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') })

  role.addToPolicy(new PolicyStatement({ actions: unscopedActions, resources: ['*'] }))
  acknowledge(role, 'AwsSolutions-IAM5[Resource::*]', 'Each action is listed and supports no narrower resource.')

  role.addToPolicy(new PolicyStatement({ actions: ['s3:PutObject'], resources: [logBucket.arnForObjects('ssm/*')] }))
  const bucketId = Stack.of(scope).getLogicalId(logBucket.node.defaultChild as CfnResource)
  acknowledge(
    role,
    `AwsSolutions-IAM5[Resource::<${bucketId}.Arn>/ssm/*]`,
    'New objects under one prefix of one bucket.',
  )

  // https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html#ssm-agent-minimum-s3-permissions
  const buckets = [`aws-ssm-${region}`, `patch-baseline-snapshot-${region}`, `aws-patch-manager-${region}-*`]
  for (const bucket of buckets) {
    const resource = `arn:${partition}:s3:::${bucket}/*`
    role.addToPolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: [resource] }))
    acknowledge(
      role,
      `AwsSolutions-IAM5[Resource::${resource}]`,
      "Public files of Systems Manager in AWS's own bucket.",
    )
  }
  return role
}
