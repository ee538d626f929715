import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { synthesize } from './synthesis.ts'

const runbook = readFileSync(join(repositoryRoot, 'docs/runbook.md'), 'utf8')
const blocks = [...runbook.matchAll(/^```sh\n# (here|on AWS).*\n([\s\S]*?)^```$/gm)]
const commands = blocks.filter(([, where]) => where === 'on AWS').map(([, , text]) => text)
const aws = synthesize()

describe('docs/runbook.md', () => {
  it('says of every block where it runs', () => {
    expect(blocks).toHaveLength(runbook.match(/^```sh$/gm)?.length ?? 0)
    expect(commands.length).toBeGreaterThan(8)
  })

  it('names a stack and a region that are deployed', () => {
    const [, region, stack] = /AWS_REGION=(\S+) stack=(\S+)/.exec(runbook) ?? []
    const { region: expected, stackName } = configs.prod
    expect({ region, stack }).toEqual({ region: expected, stack: stackName })
  })

  it('reads only outputs that the stack has', () => {
    const named = [...commands.join('\n').matchAll(/\$\(output (\w+)\)/g), ...runbook.matchAll(/\(output `(\w+)`\)/g)]
    const names = new Set(named.map(([, name]) => String(name)))
    expect(names.size).toBeGreaterThan(8)
    expect(Object.keys(aws.template.Outputs)).toEqual(expect.arrayContaining([...names]))
  })

  it('explains every alarm and no other', () => {
    const [, table = ''] = runbook.split('| alarm |')
    const explained = [...table.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(
      ([, cell = '']) => cell.match(/\w+/g) ?? [],
    )
    const alarms = aws.all('AWS::CloudWatch::Alarm').map(({ id }) => /^Operations(.*)[0-9A-F]{8}$/.exec(id)?.[1])
    expect(explained.sort()).toEqual(alarms.sort())
  })

  it('relies on the names that CloudFormation gives', () => {
    // An alarm or cluster with a name of its own would not begin with the stack's.
    for (const { Properties } of aws.all('AWS::CloudWatch::Alarm')) expect(Properties).not.toHaveProperty('AlarmName')
    expect(commands.join('\n')).toContain('--alarm-name-prefix "$stack-Operations"')
  })
})
