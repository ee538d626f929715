import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { costs, costTable } from '../lib/costs.ts'
import prices from '../prices.json' with { type: 'json' }
import { type Synthesized, synthesize } from './synthesis.ts'

const document = (name: string) => readFileSync(join(repositoryRoot, 'docs', name), 'utf8')

const deployments = Object.fromEntries(
  Object.entries(configs).map(([name, config]) => [name, costs(synthesize({ config }).template)]),
)

describe('docs/aws.md', () => {
  it('has the cost table that the templates and prices give', () => {
    expect(document('aws.md')).toContain(costTable(deployments))
    expect(document('aws.md')).toContain(prices.date)
  })

  it('names the page of AWS with each price', () => {
    const priced = [...Object.keys(prices.hourly), ...Object.keys(prices.monthly)]
    expect(Object.values(prices.pages).flat().sort()).toEqual(priced.sort())
  })

  it('has the vCPUs that the templates need, and requests a quota for the most', () => {
    expect(document('aws.md')).toContain(vcpuTable())
    const most = Math.max(...Object.values(configs).flatMap((config) => vcpusOf(synthesize({ config }))))
    expect(document('aws.md')).toContain(`--quota-code L-1216C47A --desired-value ${most}\n`)
  })
})

describe('the costs', () => {
  it.each([
    ['lab', 170],
    ['paused', 60],
  ])('of %s are at most %i USD a month', (name, limit) => {
    const total = Object.values(deployments[name] ?? {}).reduce((sum, [, dollars]) => sum + dollars, 0)
    expect(total).toBeGreaterThan(0)
    expect(total).toBeLessThanOrEqual(limit)
  })
})

/** https://aws.amazon.com/ec2/instance-types/t4/, https://aws.amazon.com/ec2/instance-types/t3/ */
const vcpus: Readonly<Record<string, number>> = {
  't4g.nano': 2,
  't4g.micro': 2,
  't4g.small': 2,
  't3.micro': 2,
  't3.small': 2,
}

/** The vCPUs of a template's instances: at the start, while a deployment replaces some, at the largest size. */
function vcpusOf(stack: Synthesized): readonly number[] {
  const groups = stack.all('AWS::AutoScaling::AutoScalingGroup').map(({ id, Properties, DependsOn, UpdatePolicy }) => {
    const tier = id.startsWith('Web') ? 'Web' : 'App'
    const { InstanceType } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
    const each = vcpus[InstanceType]
    if (each === undefined) throw new Error(`no vCPUs of ${InstanceType}: add it`)
    // A group without instances has no update policy.
    const { MaxBatchSize = 0 } = Object(Object(UpdatePolicy).AutoScalingRollingUpdate)
    const [least, most] = [Properties.MinSize * each, Properties.MaxSize * each]
    return { id, least, batch: MaxBatchSize * each, most, after: [DependsOn ?? []].flat() as string[] }
  })
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  // Groups of which one depends on the other are replaced one after the other.
  const inTurn = groups.some(({ after }) => groups.some(({ id }) => after.includes(id)))
  const batches = groups.map(({ batch }) => batch)
  const single = sum(
    stack.all('AWS::EC2::Instance').map(({ Properties }) => vcpus[Properties.InstanceType] ?? Number.NaN),
  )
  const least = single + sum(groups.map(({ least: value }) => value))
  return [least, least + (inTurn ? Math.max(...batches) : sum(batches)), single + sum(groups.map(({ most }) => most))]
}

function vcpuTable(): string {
  const columns = Object.values(configs).map((config) => vcpusOf(synthesize({ config })))
  return [
    `| vCPUs of instances | ${Object.keys(configs).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(columns.length)}`,
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
