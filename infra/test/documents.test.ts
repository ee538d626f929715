import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { costs, costTable } from '../lib/costs.ts'
import { repositoryRoot } from '../lib/repository-root.ts'
import prices from './prices.json' with { type: 'json' }
import { synthesize } from './synthesis.ts'

const document = (name: string) => readFileSync(join(repositoryRoot, 'docs', name), 'utf8')

const deployments = Object.fromEntries(
  Object.entries(configs).map(([name, config]) => [name, costs(synthesize({ config }).template)]),
)

describe('docs/aws.md', () => {
  it('has the cost table that the templates and prices give', () => {
    expect(document('aws.md')).toContain(costTable(deployments))
    expect(document('aws.md')).toContain(prices.date)
  })

  it.each([
    ['lab', 170],
    ['paused', 60],
  ])('says truly that %s costs at most %i USD a month', (name, limit) => {
    const total = Object.values(deployments[name] ?? {}).reduce((sum, [, dollars]) => sum + dollars, 0)
    expect(total).toBeGreaterThan(0)
    expect(total).toBeLessThanOrEqual(limit)
  })
})

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
