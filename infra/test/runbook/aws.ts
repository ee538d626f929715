/**
 * Stand-in for the AWS CLI in the runbook's blocks. Reads a call per line, its arguments separated by \x1f, and responds
 * with a line each of the exit status and the output. Its state is in the file of the argument.
 * Renames and changes of a password take several calls, as they take minutes on AWS: at first nothing has changed, then
 * the resource is renaming, then it has neither name, then it has the new one. Names have 63 characters at most.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A cluster or an instance. */
interface FakeResource {
  readonly kind: 'cluster' | 'instance'
  name: string
  /** Calls until it is available. */
  busy: number
  /** It was created and has not been available yet. */
  creating?: boolean
  newName?: string
  cluster?: string
  password?: string
  /** The least and the most capacity of a serverless cluster. */
  scaling?: string
  class?: string
  zone?: string
  /** The role of Enhanced Monitoring, and its interval in seconds. */
  monitoring?: string
  insights?: boolean
  tags?: string
}

export interface FakeState {
  readonly resources: FakeResource[]
  readonly outputs: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** The summaries of the stack's resources. */
  readonly stack: readonly object[]
  /** The calls that change something, and errors. */
  readonly log: string[]
}

/** How many calls a change takes, and how many of the last ones see neither name. */
const callsOfAChange = 9
const callsWithoutName = 3

const path = String(process.argv[2])
const state: FakeState = JSON.parse(readFileSync(path, 'utf8'))
let rest: readonly string[] = []
const has = (name: string) => rest.includes(`--${name}`)
const option = (name: string) => String(rest[rest.indexOf(`--${name}`) + 1])

function fail(error: string): never {
  throw new Error(error)
}

function advance(): void {
  for (const resource of state.resources) {
    if (resource.busy > 0) resource.busy -= 1
    if (resource.busy === 0) delete resource.creating
    if (resource.busy === 0 && resource.newName) {
      for (const member of state.resources) if (member.cluster === resource.name) member.cluster = resource.newName
      resource.name = resource.newName
      delete resource.newName
    }
  }
}

const isVisible = (resource: FakeResource) => !(resource.newName && resource.busy <= callsWithoutName)

function statusOf({ busy, creating, newName }: FakeResource): string {
  if (creating) return 'creating'
  if (busy === 0 || busy >= callsOfAChange - 1) return 'available'
  return newName ? 'renaming' : 'modifying'
}

const find = (kind: string, name: string) =>
  state.resources.find((each) => each.kind === kind && each.name === name && isVisible(each)) ??
  fail(`DB${kind}NotFound: ${name}`)

/** The name in an option. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/CHAP_Limits.html */
function nameIn(name: string): string {
  const value = option(name)
  return /^[a-z][a-z0-9-]{0,62}$/.test(value) ? value : fail(`InvalidParameterValue: ${value}`)
}

function describeAll(kind: FakeResource['kind']): object {
  const all = state.resources.filter((each) => each.kind === kind && isVisible(each))
  const name = has(`db-${kind}-identifier`) ? option(`db-${kind}-identifier`) : undefined
  if (name) find(kind, name)
  const found = all.filter((each) => name === undefined || each.name === name)
  if (kind === 'instance') {
    return {
      DBInstances: found.map((each) => ({
        DBInstanceIdentifier: each.name,
        DBInstanceStatus: statusOf(each),
        DBInstanceClass: each.class,
        AvailabilityZone: each.zone,
        MonitoringRoleArn: each.monitoring?.split(' ')[0],
        PerformanceInsightsEnabled: each.insights ? 'True' : 'False',
      })),
    }
  }
  return {
    DBClusters: found.map((each) => ({
      DBClusterIdentifier: each.name,
      Status: statusOf(each),
      ServerlessV2ScalingConfiguration: each.scaling
        ? Object.fromEntries(each.scaling.split(',').map((pair) => pair.split('=')))
        : undefined,
      DBSubnetGroup: 'subnets',
      DBClusterParameterGroup: 'parameters',
      VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-1' }, { VpcSecurityGroupId: 'sg-2' }],
      DBClusterMembers: state.resources
        .filter(({ cluster }) => cluster === each.name)
        .map(({ name: member }) => ({ DBInstanceIdentifier: member })),
    })),
  }
}

function modify(kind: FakeResource['kind']): object {
  const resource = find(kind, option(`db-${kind}-identifier`))
  if (resource.busy > 0) fail(`InvalidDB${kind}State: ${resource.name}`)
  if (has('master-user-password')) resource.password = option('master-user-password')
  if (has(`new-db-${kind}-identifier`)) {
    const newName = nameIn(`new-db-${kind}-identifier`)
    if (state.resources.some((each) => each.kind === kind && [each.name, each.newName].includes(newName))) {
      fail(`DB${kind}AlreadyExists: ${newName}`)
    }
    resource.newName = newName
  }
  resource.busy = callsOfAChange
  return {}
}

const commands: Readonly<Record<string, () => object>> = {
  'cloudformation describe-stacks': () => ({
    Stacks: [
      { Outputs: Object.entries(state.outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })) },
    ],
  }),
  'cloudformation list-stack-resources': () => ({ StackResourceSummaries: state.stack }),
  'cloudformation update-termination-protection': () => ({}),
  'cloudformation delete-stack': () => ({}),
  'cloudformation wait': () => ({}),
  'elbv2 modify-load-balancer-attributes': () => ({}),
  'iam create-open-id-connect-provider': () => ({}),
  'iam create-role': () => {
    const name = `create-role --role-name ${option('role-name')} `
    return state.log.filter((line) => line.startsWith(name)).length > 1 ? fail('EntityAlreadyExists') : {}
  },
  'iam put-role-policy': () =>
    // https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
    /^[\w+=,.@-]{1,128}$/.test(option('policy-name')) ? {} : fail(`ValidationError: ${option('policy-name')}`),
  'sts get-caller-identity': () => ({ Account: '123456789012' }),
  'secretsmanager get-secret-value': () => ({
    SecretString: JSON.stringify({ password: state.secrets[option('secret-id')] ?? fail('ResourceNotFound') }),
  }),
  'secretsmanager rotate-secret': () => ({}),
  'rds describe-db-clusters': () => describeAll('cluster'),
  'rds describe-db-instances': () => describeAll('instance'),
  'rds modify-db-cluster': () => modify('cluster'),
  'rds modify-db-instance': () => modify('instance'),
  'rds restore-db-cluster-to-point-in-time': () => {
    const { password = '' } = find('cluster', option('source-db-cluster-identifier'))
    const name = nameIn('db-cluster-identifier')
    state.resources.push({
      kind: 'cluster',
      name,
      busy: callsOfAChange,
      creating: true,
      password: `former ${password}`,
      ...(has('serverless-v2-scaling-configuration') && { scaling: option('serverless-v2-scaling-configuration') }),
      ...(has('tags') && { tags: option('tags') }),
    })
    return {}
  },
  'rds create-db-instance': () => {
    const { name: cluster, busy, scaling } = find('cluster', option('db-cluster-identifier'))
    // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterToPointInTime.html
    if (busy > 0) fail(`InvalidDBClusterState: ${cluster}`)
    // https://github.com/terraform-aws-modules/terraform-aws-rds-aurora/issues/537
    if (option('db-instance-class') === 'db.serverless' && !scaling) fail(`InvalidDBClusterState: ${cluster}`)
    state.resources.push({
      kind: 'instance',
      name: nameIn('db-instance-identifier'),
      busy: callsOfAChange,
      creating: true,
      cluster,
      class: option('db-instance-class'),
      zone: has('availability-zone') ? option('availability-zone') : 'any',
      ...(has('monitoring-role-arn') && {
        monitoring: `${option('monitoring-role-arn')} ${option('monitoring-interval')}`,
      }),
      ...(has('enable-performance-insights') && { insights: true }),
      ...(has('tags') && { tags: option('tags') }),
    })
    return {}
  },
}

/** The part of JMESPath that the runbook uses: `A[0].B`, `A[].B`, `A[?B=='C' && D!='E'].F`. As text, separated by tabs. */
function select(value: unknown, expression: string): string {
  const steps = expression.match(/\w+|\[\d+\]|\[\]|\[\?[^\]]*\]/g) ?? []
  const selected = steps.reduce<unknown[]>(
    (found, step) => {
      const [, index] = /^\[(\d+)\]$/.exec(step) ?? []
      const conditions = [...step.matchAll(/(\w+)([=!])='([^']*)'/g)]
      if (index) return found.map((each) => Object(each)[index])
      if (step === '[]') return found.flat()
      if (conditions.length > 0) {
        return found
          .flat()
          .filter((each) =>
            conditions.every(([, key = '', sign, expected]) => (Object(each)[key] === expected) === (sign === '=')),
          )
      }
      return found.map((each) => Object(each)[step])
    },
    [value],
  )
  return selected.map((each) => each ?? 'None').join('\t')
}

function respond([service, command = '', ...options]: readonly string[]): readonly [status: number, output: string] {
  rest = options
  try {
    if (!/^(describe|get|list)/.test(command)) state.log.push(`${command} ${options.join(' ')}`)
    advance()
    const result = (commands[`${service} ${command}`] ?? fail(`unknown command: ${service} ${command}`))()
    return [0, has('query') ? select(result, option('query')) : '']
  } catch (error) {
    const { message } = error as Error
    state.log.push(`error ${message}`)
    return [254, message]
  } finally {
    writeFileSync(path, JSON.stringify(state))
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(respond(line.split('\x1f')).join('\n'))
}
