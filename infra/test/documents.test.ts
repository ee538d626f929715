import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { repositoryRoot } from '../lib/repository-root.ts'
import prices from './prices.json' with { type: 'json' }
import { type Synthesized, synthesize } from './synthesis.ts'

const document = (name: string) => readFileSync(join(repositoryRoot, 'docs', name), 'utf8')

const hoursPerMonth = 730

/** The fixed cost of a template per month: a line per kind of resource, with count and USD. */
function costs(stack: Synthesized): Readonly<Record<string, readonly [count: number, dollars: number]>> {
  const lines: Record<string, [number, number]> = {}
  const add = (name: string, count: number, price: number | undefined) => {
    if (price === undefined) throw new Error(`no price of ${name}: add it to test/prices.json`)
    const [counted, dollars] = lines[name] ?? [0, 0]
    lines[name] = [counted + count, dollars + count * price]
  }
  const hourly = (key: string) => {
    const price = (prices.hourly as Record<string, number>)[key]
    return price && price * hoursPerMonth
  }
  const count = (type: string) => stack.all(type).length

  add('NAT gateways', count('AWS::EC2::NatGateway'), hourly('AWS::EC2::NatGateway'))
  // The public load balancer also has an address in each of its subnets.
  const publicSubnets = stack.all('AWS::EC2::Subnet', 'NetworkVpcPublic').length
  add('public IPv4 addresses', count('AWS::EC2::EIP') + publicSubnets, hourly('AWS::EC2::EIP'))
  const balancer = 'AWS::ElasticLoadBalancingV2::LoadBalancer'
  add('load balancers, without traffic', count(balancer), hourly(balancer))
  for (const tier of ['Web', 'App']) {
    const { LaunchTemplateData } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties
    const instances = Number(stack.one('AWS::AutoScaling::AutoScalingGroup', tier).Properties.MinSize)
    add(`${LaunchTemplateData.InstanceType} instances`, instances, hourly(LaunchTemplateData.InstanceType))
    const [{ Ebs }] = LaunchTemplateData.BlockDeviceMappings
    add('gp3 volumes', instances, Ebs.VolumeSize * prices.monthly['gp3 GB'])
    add('detailed monitoring of instances', instances, prices.monthly['detailed monitoring'])
  }
  for (const { Properties } of stack.all('AWS::RDS::DBInstance')) {
    add(`Aurora ${Properties.DBInstanceClass}`, 1, hourly(Properties.DBInstanceClass))
  }
  add('secrets', count('AWS::SecretsManager::Secret'), prices.monthly['AWS::SecretsManager::Secret'])
  add('alarms', count('AWS::CloudWatch::Alarm'), prices.monthly['AWS::CloudWatch::Alarm'])
  add('dashboard', count('AWS::CloudWatch::Dashboard'), prices.monthly['AWS::CloudWatch::Dashboard'])
  return lines
}

function costTable(): string {
  const [dev, prod] = [costs(synthesize()), costs(synthesize({ config: configs.prod }))]
  const cell = (line: readonly [number, number] | undefined) =>
    line ? `${line[0]} × | ${line[1].toFixed(2)}` : '- | -'
  const total = (lines: typeof dev) => Object.values(lines).reduce((sum, [, dollars]) => sum + dollars, 0)
  const names = [...new Set([...Object.keys(dev), ...Object.keys(prod)])]
  return [
    '| per month, USD | dev | | prod | |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...names.map((name) => `| ${name} | ${cell(dev[name])} | ${cell(prod[name])} |`),
    `| **total** | | **${total(dev).toFixed(0)}** | | **${total(prod).toFixed(0)}** |`,
  ].join('\n')
}

describe('docs/aws.md', () => {
  it('has the cost table that the templates and prices give', () => {
    expect(document('aws.md')).toContain(costTable())
    expect(document('aws.md')).toContain(prices.date)
  })

  it('has the vCPUs that the templates need, and requests a quota for the most', () => {
    expect(document('aws.md')).toContain(vcpuTable())
    const most = Math.max(...vcpusOf(synthesize()), ...vcpusOf(synthesize({ config: configs.prod })))
    expect(document('aws.md')).toContain(`--quota-code L-1216C47A --desired-value ${most}\n`)
  })
})

/** https://aws.amazon.com/ec2/instance-types/t4/, https://aws.amazon.com/ec2/instance-types/t3/ */
const vcpus: Readonly<Record<string, number>> = { 't4g.micro': 2, 't4g.small': 2, 't3.micro': 2, 't3.small': 2 }

/** The vCPUs of a template's instances: at the start, while a deployment replaces some, at the largest size. */
function vcpusOf(stack: Synthesized): readonly number[] {
  const groups = stack.all('AWS::AutoScaling::AutoScalingGroup').map(({ id, Properties, DependsOn, UpdatePolicy }) => {
    const tier = id.startsWith('Web') ? 'Web' : 'App'
    const { InstanceType } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
    const each = vcpus[InstanceType]
    if (each === undefined) throw new Error(`no vCPUs of ${InstanceType}: add it`)
    const { MaxBatchSize } = Object(UpdatePolicy).AutoScalingRollingUpdate
    const [least, most] = [Properties.MinSize * each, Properties.MaxSize * each]
    return { id, least, batch: MaxBatchSize * each, most, after: [DependsOn ?? []].flat() as string[] }
  })
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  // Groups of which one depends on the other are replaced one after the other.
  const inTurn = groups.some(({ after }) => groups.some(({ id }) => after.includes(id)))
  const batches = groups.map(({ batch }) => batch)
  const least = sum(groups.map(({ least: value }) => value))
  return [least, least + (inTurn ? Math.max(...batches) : sum(batches)), sum(groups.map(({ most }) => most))]
}

function vcpuTable(): string {
  const columns = [vcpusOf(synthesize()), vcpusOf(synthesize({ config: configs.prod }))]
  return [
    '| vCPUs of instances | dev | prod |',
    '| --- | ---: | ---: |',
    ...['at the start', 'while a deployment replaces instances', 'at the largest size'].map(
      (what, row) => `| ${what} | ${columns.map((column) => column[row]).join(' | ')} |`,
    ),
  ].join('\n')
}

const runbook = document('runbook.md')
const blocks = [...runbook.matchAll(/^```sh\n# (here|on AWS).*\n([\s\S]*?)^```$/gm)]
const commands = blocks.filter(([, place]) => place === 'on AWS').map(([, , text]) => text)
const aws = synthesize()

describe('docs/runbook.md', () => {
  it('has a place for every block of commands', () => {
    expect(blocks).toHaveLength(runbook.match(/^```sh$/gm)?.length ?? 0)
    expect(commands.length).toBeGreaterThan(8)
  })

  it('names the stack and the region of prod', () => {
    const [, region, stack] = /AWS_REGION=(\S+) stack=(\S+)/.exec(runbook) ?? []
    const { region: expected, stackName } = configs.prod
    expect({ region, stack }).toEqual({ region: expected, stack: stackName })
  })

  it('uses only outputs that the stack has', () => {
    const named = [...commands.join('\n').matchAll(/\$\(output (\w+)\)/g), ...runbook.matchAll(/\(output `(\w+)`\)/g)]
    const names = new Set(named.map(([, name]) => String(name)))
    expect(names.size).toBeGreaterThan(8)
    expect(Object.keys(aws.template.Outputs)).toEqual(expect.arrayContaining([...names]))
  })

  it('explains every alarm and nothing else', () => {
    const [, table = ''] = runbook.split('| alarm |')
    const explained = [...table.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(
      ([, cell = '']) => cell.match(/\w+/g) ?? [],
    )
    const alarms = aws.all('AWS::CloudWatch::Alarm').map(({ id }) => /^Operations(.*)[0-9A-F]{8}$/.exec(id)?.[1])
    expect(explained.sort()).toEqual(alarms.sort())
  })

  it('selects alarms by the names that CloudFormation generates', () => {
    // An explicit name would not start with the stack's.
    for (const { Properties } of aws.all('AWS::CloudWatch::Alarm')) expect(Properties).not.toHaveProperty('AlarmName')
    expect(commands.join('\n')).toContain('--alarm-name-prefix "$stack-Operations"')
  })
})
