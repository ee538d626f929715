import { ArnFormat, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { BackupPlan, BackupPlanRule, BackupResource, BackupVault } from 'aws-cdk-lib/aws-backup'
import { Schedule } from 'aws-cdk-lib/aws-events'
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { DatabaseCluster } from 'aws-cdk-lib/aws-rds'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

export interface BackupProps {
  readonly cluster: DatabaseCluster
  /** Region of the copies. It has a vault with the stack's name (docs/aws.md). */
  readonly copyRegion: string
}

const retention = Duration.days(35)

/** A daily backup of the cluster with a copy in another region, which the loss of this one leaves. */
export class Backup extends Construct {
  constructor(scope: Construct, id: string, { cluster, copyRegion }: BackupProps) {
    super(scope, id)
    const { stackId, stackName } = Stack.of(this)
    // A vault with backups cannot be deleted. The next stack of this name needs another one, hence the stack's id.
    const unique = Fn.select(0, Fn.split('-', Fn.select(2, Fn.split('/', stackId))))
    const vault = new BackupVault(this, 'Vault', {
      backupVaultName: `${stackName}-${unique}`,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    })
    const copies = Stack.of(this).formatArn({
      service: 'backup',
      region: copyRegion,
      resource: 'backup-vault',
      resourceName: stackName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    const plan = new BackupPlan(this, 'Plan', {
      backupPlanRules: [
        new BackupPlanRule({
          ruleName: 'Daily',
          backupVault: vault,
          scheduleExpression: Schedule.cron({ hour: '18', minute: '0' }),
          deleteAfter: retention,
          copyActions: [
            { destinationBackupVault: BackupVault.fromBackupVaultArn(this, 'Copies', copies), deleteAfter: retention },
          ],
        }),
      ],
    })
    // It also deletes what is older than the retention, so like the vault it outlives the stack.
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('backup.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSBackupServiceRolePolicyForBackup')],
    })
    role.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    plan.addSelection('Cluster', { role, resources: [BackupResource.fromArn(cluster.clusterArn)] })
    acknowledge(
      role,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]',
      'The managed policy is what AWS Backup needs to back up any kind of resource; the plan selects one.',
    )
  }
}
