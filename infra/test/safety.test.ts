import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { TagManager } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { createApp, synthesize } from './synthesis.ts'

const prod = synthesize({ config: configs.prod })
const file = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8')

describe('backups', () => {
  it('of prod are copied to another region every day', () => {
    const [plan] = prod.all('AWS::Backup::BackupPlan')
    const rules = plan?.Properties.BackupPlan.BackupPlanRule ?? []
    expect(rules).toMatchObject([
      {
        ScheduleExpression: 'cron(0 18 * * ? *)',
        Lifecycle: { DeleteAfterDays: 35 },
        CopyActions: [{ Lifecycle: { DeleteAfterDays: 35 } }],
      },
    ])
    const vault = JSON.stringify(rules[0].CopyActions[0].DestinationBackupVaultArn)
    expect(vault).toContain(`:backup:${configs.prod.backupCopyRegion}:`)
    expect(configs.prod.backupCopyRegion).not.toBe(configs.prod.region)
    const selections = prod.all('AWS::Backup::BackupSelection')
    expect(JSON.stringify(selections[0]?.Properties.BackupSelection.Resources)).toContain(
      prod.one('AWS::RDS::DBCluster').id,
    )
  })

  it('stay when the stack is deleted, and do not prevent that it is created once more', () => {
    const vault = prod.one('AWS::Backup::BackupVault')
    expect(vault).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' })
    const names = Object.values(prod.resources)
      .filter(({ DeletionPolicy }) => /^Retain/.test(String(DeletionPolicy)))
      .map(({ Properties }) => Properties.BackupVaultName ?? Properties.BucketName)
    // Without a name CloudFormation chooses one; the id of a stack is never used again.
    for (const name of names.filter(Boolean)) expect(JSON.stringify(name)).toContain('AWS::StackId')
    expect(names).toHaveLength(3)
  })

  it('are deleted after 35 days also without the stack', () => {
    const [selection] = prod.all('AWS::Backup::BackupSelection')
    const [id] = selection?.Properties.BackupSelection.IamRoleArn['Fn::GetAtt'] ?? []
    const { DeletionPolicy } = prod.one('AWS::Backup::BackupVault')
    expect(prod.resources[id]).toMatchObject({ Type: 'AWS::IAM::Role', DeletionPolicy })
  })

  it('need what the document names: a vault, and that AWS Backup may back up Aurora', () => {
    const { backupCopyRegion, stackName } = configs.prod
    const document = file('docs/aws.md')
    expect(document).toContain(
      `aws backup create-backup-vault --region ${backupCopyRegion} --backup-vault-name ${stackName}`,
    )
    // A plan that names a cluster does not include it otherwise:
    // https://docs.aws.amazon.com/aws-backup/latest/devguide/service-opt-in.html
    expect(document).toContain('aws backup update-region-settings --resource-type-opt-in-preference Aurora=true')
  })

  it('have a plan only with that setting', () => {
    expect(synthesize().all('AWS::Backup::BackupPlan')).toEqual([])
  })
})

describe('the stack policy', () => {
  it('refuses to replace or delete the cluster and its secrets', () => {
    const { Statement } = JSON.parse(file('infra/stack-policy.json'))
    const denied = Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Deny')
    expect(denied).toMatchObject([{ Principal: '*', Resource: '*', Action: ['Update:Replace', 'Update:Delete'] }])
    expect(denied[0].Condition.StringEquals.ResourceType).toEqual([
      'AWS::RDS::DBCluster',
      'AWS::SecretsManager::Secret',
    ])
  })

  it('is set by the workflow after each deployment, and named in the document', () => {
    const command = '--stack-policy-body file://infra/stack-policy.json'
    expect(file('.ci/deploy')).toMatch(/^cdk deploy [\s\S]*^aws cloudformation set-stack-policy /m)
    expect(file('.ci/deploy')).toContain(command)
    expect(file('docs/aws.md')).toContain(command)
  })
})

describe('the version of Aurora', () => {
  it('changes with a deployment alone', () => {
    for (const { Properties } of prod.all('AWS::RDS::DBInstance')) {
      expect(Properties.AutoMinorVersionUpgrade).toBe(false)
    }
  })
})

describe('monitoring', () => {
  it('includes the operating system of each database instance', () => {
    for (const { Properties } of prod.all('AWS::RDS::DBInstance')) expect(Properties.MonitoringInterval).toBe(60)
  })
})

describe('the budget', () => {
  it.each(Object.entries(configs))('of %s is for its tag, and reported to the topic of the alarms', (_name, config) => {
    const stack = synthesize({ config })
    const [budget] = stack.all('AWS::Budgets::Budget')
    expect(budget?.Properties.Budget).toMatchObject({
      BudgetLimit: { Amount: config.monthlyBudgetDollars, Unit: 'USD' },
      CostFilters: { TagKeyValue: [`user:Deployment$${config.stackName}`] },
    })
    const topic = { Ref: stack.one('AWS::SNS::Topic').id }
    expect(budget?.Properties.NotificationsWithSubscribers).toMatchObject([
      { Notification: { NotificationType: 'ACTUAL', Threshold: 80 }, Subscribers: [{ Address: topic }] },
      { Notification: { NotificationType: 'FORECASTED', Threshold: 100 }, Subscribers: [{ Address: topic }] },
    ])
    const [policy] = stack.all('AWS::SNS::TopicPolicy')
    expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({ Effect: 'Allow', Principal: { Service: 'budgets.amazonaws.com' }, Resource: topic }),
    )
  })
})

describe('the tag Deployment', () => {
  it('is on every resource that can have tags', () => {
    const { app, stack } = createApp({ config: configs.prod })
    const { Resources } = app.synth().getStackByName(stack.stackName).template
    const ids = stack.node.findAll().flatMap((node) => {
      const taggable = TagManager.of(node)
      const { logicalId } = node as { logicalId?: string }
      return taggable && logicalId ? [stack.resolve(logicalId)] : []
    })
    expect(ids.length).toBeGreaterThan(60)
    // A list of keys and values, or an object.
    const tag = new RegExp(`"Deployment"(,"Value")?.*"${configs.prod.stackName}"`)
    for (const id of ids) expect(JSON.stringify(Resources[id]), id).toMatch(tag)
  })
})
