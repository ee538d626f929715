import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { migrationVariables, readEnvironment } from '@repo/db'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { contract } from '../lib/contract.ts'
import { repositoryRoot } from '../lib/repository-root.ts'
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
  local status output IFS=$'\\x1f'
  printf '%s\\n' "$*" >&8
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
  })
}

const restored: Pick<FakeState, 'resources' | 'outputs' | 'secrets'> = {
  resources: [
    { kind: 'cluster', name: 'db', busy: 0, password: 'before the rotation' },
    { kind: 'instance', name: 'db-1', busy: 0, cluster: 'db' },
    { kind: 'instance', name: 'db-2', busy: 0, cluster: 'db' },
  ],
  outputs: { DatabaseCluster: 'db', AdminSecret: 'admin', AppSecret: 'app' },
  secrets: { admin: 'current' },
}

describe('the restore on AWS', () => {
  const [restore = '', password = '', names = '', ...more] = blocksOf('Restore from a backup')
  const resources = () => state().resources.map(({ name, busy }) => `${name} ${busy}`)
  const whole = ['db-old 0', 'db-1-old 0', 'db-2-old 0', 'db 0', 'db-1 0', 'db-2 0']

  it('gives every new name once the former one is free, whatever time that takes', () => {
    expect(more).toEqual([])
    expect(() => run([restore, password, names], restored)).not.toThrow()
    expect(resources()).toEqual(whole)
    expect(state().log.filter((line) => line.startsWith('error'))).toEqual([])
  })

  it('gives the master user the password that its secret has now, and the app user a new one', () => {
    run([restore, password, names], restored)
    expect(state().resources.find(({ name, kind }) => kind === 'cluster' && name === 'db')?.password).toBe('current')
    expect(state().log.at(-1)).toBe('rotate-secret --secret-id app')
  })

  it.each([
    ['cluster', 'db'],
    ['cluster', 'db-restored'],
    ['instance', 'db-1'],
    ['instance', 'db-2-restored'],
  ])('continues after an interruption while the %s %s changes its name', (kind, name) => {
    const functions = restore.slice(restore.indexOf('status()'), restore.indexOf('describe()'))
    const interrupt = `sleep() { [ "$(status ${kind} ${name})" != renaming ] || exit 0; }`
    run([restore, password, interrupt, names], restored)
    expect(resources()).not.toEqual(whole)
    const variables = "cluster=db instances='db-1 db-2'"
    run([variables, functions, names], { ...restored, resources: state().resources })
    expect(resources()).toEqual(whole)
    expect(state().log.filter((line) => line.startsWith('error'))).toEqual([])
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
