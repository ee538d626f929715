import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { addValidation } from '../lib/validation.ts'
import { createApp, synthesize } from './synthesis.ts'

const context = { experiments: 'true' }
const stack = synthesize({ context })
const experiments = Object.fromEntries(
  stack.all('AWS::FIS::ExperimentTemplate').map(({ Properties }) => {
    const [name] = Object.keys(Properties.Actions)
    return [String(name), Properties]
  }),
)

/** Why the experiments of AWS cannot repeat a drill. */
const others: Readonly<Record<string, string>> = {
  'freeze-writer': 'no action stops a managed server without ending it',
  'lag-reader': "Aurora's readers share the writer's storage",
  rejoin: 'a lost instance of Aurora is created anew',
  'volume-lost': "Aurora's storage cannot be removed from an instance",
  restore: 'an operation, not a fault: docs/runbook.md',
  rolling: 'an operation, not a fault: a deployment',
  'bad-release': 'an operation, not a fault: a deployment',
  'rotate-password': 'an operation, not a fault: docs/runbook.md',
  operations: 'a sequence of the others',
  soak: 'a load, not a fault',
  overload: 'a load, not a fault',
  'reads-flood': 'a load, not a fault',
  retry: 'a load, not a fault',
  'stale-reads': 'a load, not a fault',
  hostile: 'a load, not a fault',
  'slow-clients': 'a load, not a fault',
  trickle: 'a load, not a fault',
}

describe('the experiments', () => {
  it('are there only when asked for', () => {
    expect(synthesize().all('AWS::FIS::ExperimentTemplate')).toEqual([])
  })

  it('repeat every drill that AWS can repeat, and the loss of a zone', () => {
    const drills = readdirSync(join(repositoryRoot, 'packages/drills/src/drills'))
      .map((name) => name.replace(/\.ts$/, ''))
      .filter((name) => name !== 'index')
    expect([...Object.keys(experiments), ...Object.keys(others)].sort()).toEqual([...drills, 'zone'].sort())
  })

  it.each(Object.keys(experiments))('are stopped by the alarms for errors, latency and lost tiers: %s', (name) => {
    const conditions: { Source: string; Value: { 'Fn::GetAtt': [string] } }[] = experiments[name].StopConditions
    const alarms = conditions.map(({ Value }) => /^Operations(.*)[0-9A-F]{8}$/.exec(Value['Fn::GetAtt'][0])?.[1])
    expect(alarms.sort()).toEqual(['Alb5xx', 'AppLost', 'Latency', 'Web5xx', 'WebLost'])
    for (const { Source } of conditions) expect(Source).toBe('aws:cloudwatch:alarm')
  })

  it.each([
    ['kill-web', 'ApacheWeb'],
    ['kill-app', 'App'],
  ])('end one instance of this deployment: %s', (name, server) => {
    expect(experiments[name]).toMatchObject({
      Actions: { [name]: { ActionId: 'aws:ec2:terminate-instances', Targets: { Instances: name } } },
      Targets: {
        [name]: { ResourceTags: { Server: server, Deployment: configs.dev.stackName }, SelectionMode: 'COUNT(1)' },
      },
    })
  })

  it.each([
    ['partition', 2, ['Db']],
    ['zone', 5, ['Public', 'Web', 'App', 'Db', 'Function']],
  ] as const)('cut the subnets that they are about: %s', (name, count, groups) => {
    const { Actions, Targets } = experiments[name]
    expect(Actions[name]).toMatchObject({ ActionId: 'aws:network:disrupt-connectivity', Parameters: { scope: 'all' } })
    const arns: readonly unknown[] = Targets[name].ResourceArns
    const found = arns.map((arn) => /Vpc(\w+?)Subnet\d/.exec(JSON.stringify(arn))?.[1])
    expect(found).toHaveLength(count)
    expect(new Set(found)).toEqual(new Set(groups))
  })

  it.each(['crash-writer', 'kill-reader', 'failover'])(
    'restart or move the database of this deployment: %s',
    (name) => {
      const { Actions, Targets } = experiments[name]
      expect(Actions[name].ActionId).toMatch(/^aws:rds:(reboot-db-instances|failover-db-cluster)$/)
      expect(JSON.stringify(Targets[name].ResourceArns)).toContain('DataCluster')
    },
  )

  it('end by themselves within minutes', () => {
    for (const { Actions } of Object.values(experiments)) {
      const [action] = Object.values<{ Parameters?: { duration: string } }>(Actions)
      expect(action?.Parameters?.duration ?? 'PT0M').toMatch(/^PT[0-5]M$/)
    }
  })

  it('may end instances of this deployment, restart its database and change its networks, and no more', () => {
    const { PolicyDocument } = stack.one('AWS::IAM::Policy', 'ExperimentsRole').Properties
    type Statement = { Action: string | string[]; Resource: unknown; Condition?: object }
    const statements: readonly Statement[] = PolicyDocument.Statement
    const allowed = statements.filter(({ Resource }) => Resource === '*')
    const [instances, others] = allowed.toSorted((one) => (one.Condition ? -1 : 1))
    expect(allowed).toHaveLength(2)
    expect(instances).toMatchObject({
      Action: 'ec2:TerminateInstances',
      Condition: { StringEquals: { 'aws:ResourceTag/Deployment': configs.dev.stackName } },
    })
    expect(
      [others?.Action ?? []]
        .flat()
        .filter((action) => !/:(Describe|GetResources)/.test(action))
        .sort(),
    ).toEqual([
      'ec2:CreateNetworkAcl',
      'ec2:CreateNetworkAclEntry',
      'ec2:CreateTags',
      'ec2:DeleteNetworkAcl',
      'ec2:ReplaceNetworkAclAssociation',
      'logs:CreateLogDelivery',
      'logs:PutResourcePolicy',
    ])
    const scoped = statements.filter(({ Resource }) => Resource !== '*').flatMap(({ Action }) => Action)
    expect(scoped.sort()).toEqual([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'rds:FailoverDBCluster',
      'rds:RebootDBInstance',
    ])
  })

  it('pass validation', () => {
    const { app } = createApp({ context })
    addValidation(app)
    expect(() => app.synth()).not.toThrow()
  })

  it('need no reader where there is none', () => {
    const ids = synthesize({ config: configs.lab, context }).all('AWS::FIS::ExperimentTemplate')
    const names = ids.flatMap(({ Properties }) => Object.keys(Properties.Actions))
    expect(names.sort()).toEqual(
      Object.keys(experiments)
        .filter((name) => !['failover', 'kill-reader'].includes(name))
        .sort(),
    )
  })

  it('are said to be untried', () => {
    expect(readFileSync(join(repositoryRoot, 'docs/aws.md'), 'utf8')).toContain('No account has run these experiments.')
  })
})
