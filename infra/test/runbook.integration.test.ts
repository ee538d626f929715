import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { migrationVariables, readEnvironment } from '@repo/db'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { contract } from '../lib/contract.ts'
import type { FakeState } from './runbook/aws.ts'

const runbook = readFileSync(join(repositoryRoot, 'docs/runbook.md'), 'utf8')

/** The blocks for AWS below a heading. */
function blocksOf(heading: string): readonly string[] {
  const [, section = ''] = new RegExp(`^## ${heading}\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(runbook) ?? []
  return [...section.matchAll(/^```sh\n# on AWS.*\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
}

const [, preamble = ''] = /^```sh\n# on AWS\n(export AWS_REGION[\s\S]*?)^```$/m.exec(runbook) ?? []

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'runbook-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

const statePath = () => join(folder, 'state.json')
const state = (): FakeState => JSON.parse(readFileSync(statePath(), 'utf8'))

/** Functions instead of programs: a call is quick, and nothing sleeps. The file descriptors also reach subshells. */
const standIns = `
coproc AWS { node '${import.meta.dirname}/runbook/aws.ts' "$STATE"; }
exec 8>&"\${AWS[1]}" 9<&"\${AWS[0]}"
aws() {
  local call status output IFS=$'\\x1f'
  call="$*"
  printf '%s\\n' "\${call//$'\\n'/ }" >&8
  read -r status <&9
  IFS= read -r output <&9
  printf '%s\\n' "$output"
  return "$status"
}
sleep() { :; }
`

/** Runs blocks in one shell with the stand-in for the AWS CLI. */
function run(blocks: readonly string[], initial: Partial<FakeState> = {}): string {
  writeFileSync(
    statePath(),
    JSON.stringify({ resources: [], outputs: {}, secrets: {}, stack: [], log: [], ...initial }),
  )
  return execFileSync('bash', ['-euo', 'pipefail', '-c', [standIns, preamble, ...blocks].join('\n')], {
    env: { PATH: [folder, dirname(process.execPath), process.env.PATH].join(':'), STATE: statePath() },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    // A block that waits for what never comes.
    timeout: 20_000,
  })
}

// As long as CloudFormation makes them.
const [db = '', db1 = '', db2 = ''] = ['0a1b', '2c3d', '4e5f'].map((suffix) => `${'stack-'.padEnd(58, 'd')}-${suffix}`)

const restored: Pick<FakeState, 'resources' | 'outputs' | 'secrets'> = {
  resources: [
    { kind: 'cluster', name: db, busy: 0, password: 'before the rotation' },
    { kind: 'instance', name: db1, busy: 0, cluster: db, class: 'db.r7g.large', zone: 'zone-a' },
    { kind: 'instance', name: db2, busy: 0, cluster: db, class: 'db.r7g.large', zone: 'zone-c' },
  ],
  outputs: { DatabaseCluster: db, AdminSecret: 'admin', AppSecret: 'app' },
  secrets: { admin: 'current' },
}

describe('the restore on AWS', () => {
  const [restore = '', password = '', names = '', ...more] = blocksOf('Restore from a backup')
  const resources = () => state().resources.map(({ name, busy }) => `${name} ${busy}`)
  const old = ['0a1b', '2c3d', '4e5f'].map((suffix) => `old-20261122093000-${suffix} 0`)
  const current = [db, db1, db2].map((name) => `${name} 0`)
  const whole = [...old, ...current]
  const errors = () => state().log.filter((line) => line.startsWith('error'))

  it('gives every new name once the former one is free, whatever time that takes', () => {
    expect(more).toEqual([])
    expect(() => run([restore, password, names], restored)).not.toThrow()
    expect(resources()).toEqual(whole)
    expect(errors()).toEqual([])
  })

  it('creates instances once the cluster is available, under names that are not too long', () => {
    expect(() => run([restore], restored)).not.toThrow()
    expect(errors()).toEqual([])
    expect(resources().slice(3)).toEqual(
      ['0a1b', '2c3d', '4e5f'].map((suffix) => `restored-20261122093000-${suffix} 0`),
    )
  })

  it('leaves the instances in their zones, and the resources in the budget of their stack', () => {
    run([restore], restored)
    const tags = `Key=Deployment,Value=${configs.prod.stackName}`
    expect(state().resources.slice(3)).toEqual([
      expect.objectContaining({ tags }),
      expect.objectContaining({ class: 'db.r7g.large', zone: 'zone-a', tags }),
      expect.objectContaining({ class: 'db.r7g.large', zone: 'zone-c', tags }),
    ])
  })

  it('gives the instances the monitoring of the former ones, also when it is repeated', () => {
    const monitored = { monitoring: 'arn:aws:iam::123456789012:role/monitoring 60', insights: true }
    const resources = restored.resources.map((each) => (each.name === db1 ? { ...each, ...monitored } : each))
    run([restore, password, names], { ...restored, resources })
    const again = restore.replace('T09:30:00Z', 'T10:00:00Z')
    run([again], { ...restored, resources: state().resources })
    const instances = state().resources.filter(({ kind }) => kind === 'instance')
    expect(instances).toHaveLength(6)
    for (const [index, { monitoring, insights }] of instances.entries()) {
      expect({ monitoring, insights }).toEqual(index % 2 === 0 ? monitored : {})
    }
    expect(errors()).toEqual([])
  })

  it('gives a serverless cluster its range of capacity, without which it can have no instance', () => {
    const resources = restored.resources.map((each) =>
      each.kind === 'cluster'
        ? { ...each, scaling: 'MinCapacity=0,MaxCapacity=2' }
        : { ...each, class: 'db.serverless' },
    )
    expect(() => run([restore], { ...restored, resources })).not.toThrow()
    expect(state().resources[3]).toMatchObject({ scaling: 'MinCapacity=0,MaxCapacity=2' })
    expect(errors()).toEqual([])
  })

  it('can be repeated for another time while the former cluster is still there', () => {
    run([restore, password, names], restored)
    const later = restore.replace('T09:30:00Z', 'T10:00:00Z')
    expect(() => run([later, password, names], { ...restored, resources: state().resources })).not.toThrow()
    expect(resources()).toEqual([...old, ...old.map((name) => name.replace('093000', '100000')), ...current])
    expect(errors()).toEqual([])
  })

  it('gives the master user the password that its secret has now, and the app user a new one', () => {
    run([restore, password, names], restored)
    expect(state().resources.find(({ name, kind }) => kind === 'cluster' && name === db)?.password).toBe('current')
    expect(state().log.at(-1)).toBe('rotate-secret --secret-id app')
  })

  it.each([
    ['cluster', db],
    ['cluster', 'restored-20261122093000-0a1b'],
    ['instance', db1],
    ['instance', 'restored-20261122093000-4e5f'],
  ])('continues after an interruption while the %s %s changes its name', (kind, name) => {
    const functions = restore.slice(restore.indexOf('status()'), restore.indexOf('describe()'))
    const interrupt = `sleep() { [ "$(status ${kind} ${name})" != renaming ] || exit 0; }`
    run([restore, password, interrupt, names], restored)
    expect(resources()).not.toEqual(whole)
    const variables = `cluster=${db} instances='${db1} ${db2}' time=2026-11-22T09:30:00Z`
    run([variables, functions, names], { ...restored, resources: state().resources })
    expect(resources()).toEqual(whole)
    expect(errors()).toEqual([])
  })
})

describe('a first deployment that cannot roll back on AWS', () => {
  it('is deleted after its protection is removed', () => {
    const resource = (ResourceType: string, PhysicalResourceId: string, ResourceStatus = 'DELETE_FAILED') => ({
      ResourceType: `AWS::${ResourceType}`,
      PhysicalResourceId,
      ResourceStatus,
    })
    run(blocksOf('When a first deployment cannot roll back'), {
      resources: [{ kind: 'cluster', name: 'db', busy: 0 }],
      stack: [
        resource('RDS::DBCluster', 'db'),
        resource('ElasticLoadBalancingV2::LoadBalancer', 'alb'),
        resource('ElasticLoadBalancingV2::LoadBalancer', 'nlb'),
        resource('ElasticLoadBalancingV2::LoadBalancer', 'former', 'DELETE_COMPLETE'),
        resource('EC2::VPC', 'vpc'),
      ],
    })
    const stack = `--stack-name ${configs.prod.stackName}`
    const attributes = '--attributes Key=deletion_protection.enabled,Value=false'
    expect(state().log).toEqual([
      `update-termination-protection ${stack} --no-enable-termination-protection`,
      'modify-db-cluster --db-cluster-identifier db --no-deletion-protection --apply-immediately',
      `modify-load-balancer-attributes --load-balancer-arn alb ${attributes}`,
      `modify-load-balancer-attributes --load-balancer-arn nlb ${attributes}`,
      `delete-stack ${stack}`,
      `wait stack-delete-complete ${stack}`,
    ])
  })
})

describe('a long migration on AWS', () => {
  it('runs with the settings that the command needs', () => {
    const [forward = '', shell = ''] = blocksOf('Run SQL on AWS')
    const [command = ''] = blocksOf('A migration that takes long')
    expect(forward).toContain(`portNumber=${contract.databasePort},localPortNumber=13306`)
    program('npx', `env; echo "command=$*"`)
    program('mysql', '')
    const output = run([shell, command], {
      outputs: { DatabaseWriter: 'db.cluster.example', AdminSecret: 'admin' },
      secrets: { admin: 'current' },
    })
    const environment = Object.fromEntries(output.split('\n').map((line) => line.split(/=(.*)/s)))
    expect(readEnvironment(migrationVariables, environment)).toEqual({
      DB_WRITE_ENDPOINT_ADDRESS: '127.0.0.1',
      MYSQL_PORT: 13306,
      DB_TLS_CA: 'amazon-rds',
      DB_TLS_SERVER_NAME: 'db.cluster.example',
      DB_NAME: contract.databaseName,
      DB_TABLENAME: contract.tableName,
      DB_USER: contract.migratorUser,
      DB_PASSWORD: 'current',
      APP_DB_USER: contract.appUser,
    })
    expect(readFileSync(join(repositoryRoot, environment.command.replace('node ', '')), 'utf8')).toContain('migrate(')
  })
})

describe('the roles of the workflow Deploy on AWS', () => {
  const roles = blocksOf('Deploy').find((block) => block.includes('create-role')) ?? ''

  /** The options of the calls of a command, by the name of the role. */
  function documents(command: string, optionName: string): Readonly<Record<string, unknown[]>> {
    const all: Record<string, unknown[]> = {}
    for (const line of state().log) {
      const [, role = '', json = ''] =
        new RegExp(`^${command} --role-name (\\S+) .*--${optionName} (.*)$`).exec(line) ?? []
      if (role) all[role] = [...(all[role] ?? []), JSON.parse(json)]
    }
    return all
  }

  function create(environment: string, initial: Partial<FakeState> = {}): void {
    program('gh', 'case $4 in .owner.id) echo 123 ;; .id) echo 456 ;; *) exit 1 ;; esac')
    const block = roles
      .replace('OWNER/NAME', 'octo-org/octo-repo')
      .replace('environment=prod', `environment=${environment}`)
    run([`stack=${configs.lab.stackName}`, block], initial)
  }

  it('trust the subjects of an older repository and of one from after 15 July 2026, of one environment', () => {
    create('prod')
    const trusted = Object.values(documents('create-role', 'assume-role-policy-document')).map(([trust]) =>
      Object(trust).Statement.map((each: { Condition: object }) => each.Condition),
    )
    const issuer = 'token.actions.githubusercontent.com'
    expect(trusted).toEqual(
      ['prod-review', 'prod'].map((environment) => [
        {
          StringEquals: {
            [`${issuer}:aud`]: 'sts.amazonaws.com',
            [`${issuer}:sub`]: ['octo-org/octo-repo', 'octo-org@123/octo-repo@456'].map(
              (repository) => `repo:${repository}:environment:${environment}`,
            ),
          },
        },
      ]),
    )
  })

  it('are others for another environment of the same stack', () => {
    create('lab')
    expect(() => create('paused', { log: state().log })).not.toThrow()
    expect(Object.keys(documents('create-role', 'assume-role-policy-document'))).toHaveLength(4)
  })

  it('may read the stack, or act as the roles of the bootstrap and set the policy of the stack', () => {
    expect(() => create('lab')).not.toThrow()
    const rights = Object.values(documents('put-role-policy', 'policy-document')).map((policies) =>
      policies.flatMap((policy) =>
        Object(policy).Statement.flatMap(({ Action }: { Action: string | readonly string[] }) => Action),
      ),
    )
    expect(rights).toEqual([
      ['cloudformation:DescribeStacks', 'cloudformation:GetTemplate'],
      ['sts:AssumeRole', 'cloudformation:SetStackPolicy'],
    ])
  })
})
