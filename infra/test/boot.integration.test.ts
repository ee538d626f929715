import { join } from 'node:path'
import { baseImage, certificatesFile, docker, testImage, waitFor } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { account, region, StandIn } from './aws.ts'
import { resolve } from './intrinsics.ts'
import { synthesize } from './synthesis.ts'

const stack = synthesize()
let aws: StandIn

beforeAll(async () => {
  aws = await StandIn.start()
})
afterAll(() => aws?.[Symbol.asyncDispose]())

type Tier = 'Web' | 'App'

/** An instance of a tier before its boot, with the names of its resources. */
interface Machine {
  readonly id: string
  readonly instance: string
  readonly targetGroup: string
  readonly secret: string
  readonly image: string
  readonly group: string
  /** Its log group, its secret, and the user with the rights of its role. */
  readonly name: string
}

const appSecret = stack.one('AWS::SecretsManager::SecretTargetAttachment', 'DataAppSecret').id

/** The values of a tier's references, in a deployment whose resources have the name `name`. */
function references(tier: Tier, name: string) {
  const logs = stack.one('AWS::Logs::LogGroup', tier).id
  return {
    'AWS::AccountId': account,
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/${configs.dev.stackName}/id`,
    [`${stack.one('AWS::S3::Bucket', 'NetworkLogs').id}.Arn`]: 'arn:aws:s3:::logs',
    [logs]: name,
    [`${logs}.Arn`]: `arn:aws:logs:${region}:${account}:log-group:${name}:*`,
    [appSecret]: `arn:aws:secretsmanager:${region}:${account}:secret:${name}-*`,
  }
}

/** The statements of the role of a tier's instances. */
function statementsOf(tier: Tier, name: string): readonly { readonly Action: string | readonly string[] }[] {
  const { PolicyDocument } = stack.one('AWS::IAM::Policy', `${tier}InstancesRole`).Properties
  return resolve(PolicyDocument.Statement, references(tier, name))
}

/** What the security group of a tier's instances lets out, as matches of iptables. `peer` is any other group's address. */
function egressOf(tier: Tier, peer: string): readonly string[] {
  const { SecurityGroupIds } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const [id] = SecurityGroupIds[0]['Fn::GetAtt']
  const separate = stack.all('AWS::EC2::SecurityGroupEgress').map(({ Properties }) => Properties)
  const rules = [
    ...(stack.resources[id]?.Properties.SecurityGroupEgress ?? []),
    ...separate.filter(({ GroupId }) => GroupId['Fn::GetAtt'][0] === id),
  ]
  return rules.map(({ IpProtocol, FromPort, ToPort, CidrIp = peer }) => {
    const protocol = IpProtocol === '-1' ? 'all' : IpProtocol
    return `-p ${protocol} -d ${CidrIp}${/tcp|udp/.test(protocol) ? ` --dport ${FromPort}:${ToPort}` : ''}`
  })
}

/**
 * Starts an instance whose boot script is the template's user data, with references resolved as a deployment does. It has
 * the rights of its role, and may open the connections that match `egress`, by default those of its security group.
 */
async function createMachine(tier: Tier, egress?: readonly string[]): Promise<Machine> {
  const name = `${tier}-${crypto.randomUUID()}`
  const targets = stack.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier)
  const statements = JSON.stringify(statementsOf(tier, name))
  const created = JSON.parse(await aws.python('prepare.py', String(targets.Properties.Port), name, statements))
  const { UserData } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const script: string = resolve(UserData, {
    ...references(tier, name),
    [targets.id]: created.targetGroup,
    [appSecret]: created.secret,
  })
  const setting = (key: string) => new RegExp(`^readonly ${key}='(.*)'$`, 'm').exec(script)?.[1] ?? ''
  // A real instance watches its alarms for minutes.
  const shortened = script.replace(/(?<=^readonly bake_seconds=')\d+/m, '12')
  const id = await aws.instance({
    files: { '/boot.sh': shortened, '/var/lib/cloud/data/instance-id': created.instance },
    keys: created.keys,
    egress: egress ?? egressOf(tier, await aws.peer()),
  })
  return { ...created, id, name, image: setting('image'), group: setting('group') }
}

/** Runs the boot script. */
async function boot({ id }: Machine): Promise<{ readonly status: number; readonly output: string }> {
  // As cloud-init does.
  const command = 'set -o pipefail; bash /boot.sh 2>&1 | tee /var/log/cloud-init-output.log; echo $?'
  const output = await docker(['exec', id, 'bash', '-c', command])
  return { status: Number(output.split('\n').at(-1)), output }
}

/** One of the alarms that the boot script watches. */
const alarm = stack.all('AWS::CloudWatch::Alarm', 'OperationsWeb5xx')[0]?.id ?? ''

async function setAlarm(StateValue: 'OK' | 'ALARM'): Promise<void> {
  await aws.call('cloudwatch', 'put_metric_alarm', {
    AlarmName: alarm,
    Namespace: 'n',
    MetricName: 'm',
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'GreaterThanThreshold',
  })
  await aws.call('cloudwatch', 'set_alarm_state', { AlarmName: alarm, StateValue, StateReason: 'test' })
}

/** The lines of a log stream of a machine's tier. */
async function logLines({ name }: Machine, logStreamName: string): Promise<readonly string[]> {
  const { events } = await aws.call('logs', 'get_log_events', { logGroupName: name, logStreamName })
  return events.map(({ message }: { message: string }) => message)
}

/** The report of a failed boot in the tier's log group. */
async function reportOf(machine: Machine) {
  return (await logLines(machine, `${machine.instance}-boot`)).map((line) => JSON.parse(line))
}

/** Runs a command on a machine, with the rights of its role. */
function on({ id }: Machine, ...command: readonly string[]): Promise<string> {
  return docker(['exec', id, ...command])
}

async function registerTarget({ targetGroup, instance }: Machine): Promise<void> {
  await aws.call('elbv2', 'register_targets', { TargetGroupArn: targetGroup, Targets: [{ Id: instance }] })
}

async function putSecret({ secret }: Machine, SecretString: string): Promise<void> {
  await aws.call('secretsmanager', 'put_secret_value', { SecretId: secret, SecretString })
}

/** Builds a tier's image as the CLI does, from the assembly's copy of the build context. */
async function buildTier(tier: 'web' | 'app'): Promise<string> {
  const { directory, dockerFile } = stack.image(`docker/${tier}/Dockerfile`)
  const tag = testImage(`boot-${tier}`)
  await docker([
    ...['build', '--quiet', '--tag', tag, '--file', join(directory, dockerFile)],
    ...(['DEBIAN_IMAGE', 'NODE_IMAGE'] as const).map((name) => `--build-arg=${name}=${baseImage(name)}`),
    `--secret=id=ca,src=${certificatesFile()}`,
    directory,
  ])
  return tag
}

/** The ports of an address that the container of a machine reaches, even if nothing listens there. */
async function reachedPorts({ id }: Machine, container: string, address: string): Promise<readonly number[]> {
  const connect = `(exec 3<>/dev/tcp/${address}/$port) 2>&1 | grep -q 'No route to host' || echo $port`
  const script = `for port in 22 80 443 3306 8080 9090; do { ${connect}; } & done; wait`
  const ports = (await docker(['exec', id, 'docker', 'exec', container, 'bash', '-c', script])).split('\n').map(Number)
  return ports.sort((one, other) => one - other)
}

const booted: Partial<Record<Tier, Machine>> = {}

describe.each([
  ['Web', 'web', '33:33', 8080, 9090],
  ['App', 'app', '10001:10001', 9090, 3306],
] as const)('booting an instance of the %s tier', (construct, tier, user, port, nextPort) => {
  let machine: Machine
  let outcome: Awaited<ReturnType<typeof boot>>
  let signalsBefore: readonly string[]

  beforeAll(async () => {
    machine = await createMachine(construct)
    await aws.push(await buildTier(tier), machine.image)
    await setAlarm('ALARM')
    const booting = boot(machine)
    // A boot that fails ends without an answer.
    await Promise.race([
      waitFor('the container to answer', () =>
        on(machine, 'curl', '--silent', '--fail', '--write-out', '%{http_code}', `http://127.0.0.1:${port}/healthz`),
      ),
      booting,
    ])
    signalsBefore = await aws.signals(machine.instance)
    await registerTarget(machine)
    outcome = await booting
    booted[construct] = machine
  })

  it('succeeds', () => {
    expect(outcome.status, outcome.output).toBe(0)
  })

  it('is not stopped by an alarm that fired before', () => {
    expect(outcome.output).toContain('watching the alarms')
    expect(outcome).toMatchObject({ status: 0 })
  })

  it('signals success once, after its target has become healthy', async () => {
    expect(signalsBefore).toEqual([])
    expect(await aws.signals(machine.instance)).toEqual([`SUCCESS ${machine.group} ${configs.dev.stackName}`])
  })

  it('runs a healthy container without privileges', async () => {
    const health = () => on(machine, 'docker', 'inspect', '--format', '{{.State.Health.Status}}', tier)
    await waitFor('the container to be healthy', async () => (await health()) === 'healthy')
    const [container] = JSON.parse(await on(machine, 'docker', 'inspect', tier))
    expect(container.Config.User).toBe(user)
    expect(container.HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: null,
      Privileged: false,
      SecurityOpt: ['no-new-privileges:true'],
      Memory: 512 * 1024 ** 2,
      PidsLimit: tier === 'web' ? 2048 : 256,
    })
  })

  it('reaches AWS and the next tier, and nothing else', async () => {
    expect(await reachedPorts(machine, tier, await aws.peer())).toEqual([443, nextPort])
    expect(await reachedPorts(machine, tier, await aws.address())).toEqual([443])
  })

  it('sends the container log to CloudWatch', async () => {
    const request = `boot-${machine.instance}`
    await on(machine, 'curl', '--silent', '--header', `X-Request-Id: ${request}`, `http://127.0.0.1:${port}/status`)
    await waitFor('the log line', async () => (await logLines(machine, machine.instance)).join().includes(request))
  })
})

describe('an instance of the app tier after its boot', () => {
  let machine: Machine

  beforeAll(() => {
    machine = booted.App as Machine
  })

  const inContainer = (...command: string[]) => on(machine, 'docker', 'exec', 'app', ...command)
  const started = () => on(machine, 'docker', 'inspect', '--format', '{{.State.StartedAt}}', 'app')

  it('has the password only in memory, readable by root and the container', async () => {
    expect(await on(machine, 'stat', '--format', '%a %u:%g', '/run/database-credentials')).toBe('750 0:10001')
    expect(await on(machine, 'stat', '--format', '%a %u:%g', '/run/database-credentials/password')).toBe('440 0:10001')
    expect(await on(machine, 'stat', '--file-system', '--format', '%T', '/run/database-credentials')).toBe('tmpfs')
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-first-password')
    const elsewhere = ['/boot.sh', '/etc/systemd', '/usr/local/sbin', '/var/log', '/var/lib/docker/containers']
    await expect(
      on(machine, 'grep', '--recursive', '--files-with-matches', 'the-first-password', ...elsewhere),
    ).rejects.toThrow()
    expect(await on(machine, 'docker', 'inspect', 'app')).not.toContain('the-first-password')
  })

  it('passes a rotated password to the running container', async () => {
    const since = await started()
    await putSecret(machine, JSON.stringify({ username: 'app', password: 'the-next-password' }))
    await on(machine, 'systemctl', 'start', 'database-password.service')
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-next-password')
    expect(await started()).toBe(since)
  })

  it('keeps the current password when the secret has none', async () => {
    await putSecret(machine, '{}')
    await expect(on(machine, 'systemctl', 'start', 'database-password.service')).rejects.toThrow()
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-next-password')
  })
})

/** The rights that only an instance on AWS uses, by what uses them. */
const usedOnAws = {
  // https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
  'the agent of Systems Manager': [
    'ec2messages:AcknowledgeMessage',
    'ec2messages:DeleteMessage',
    'ec2messages:FailMessage',
    'ec2messages:GetEndpoint',
    'ec2messages:GetMessages',
    'ec2messages:SendReply',
    'ssm:DescribeAssociation',
    'ssm:DescribeDocument',
    'ssm:GetDeployablePatchSnapshotForInstance',
    'ssm:GetDocument',
    'ssm:GetManifest',
    'ssm:ListAssociations',
    'ssm:ListInstanceAssociations',
    'ssm:PutComplianceItems',
    'ssm:PutInventory',
    'ssm:UpdateAssociationStatus',
    'ssm:UpdateInstanceAssociationStatus',
    'ssm:UpdateInstanceInformation',
  ],
  'Session Manager': [
    'ssmmessages:CreateControlChannel',
    'ssmmessages:CreateDataChannel',
    'ssmmessages:OpenControlChannel',
    'ssmmessages:OpenDataChannel',
  ],
  'the associations, for their documents and output': ['s3:GetObject', 's3:PutObject'],
  // https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html
  'the CloudWatch agent': ['cloudwatch:PutMetricData', 'ec2:DescribeTags', 'ssm:GetParameter'],
}

describe("the rights of the instances' roles", () => {
  it.each(['Web', 'App'] as const)('are what the %s tier has used or uses only on AWS, and no others', async (tier) => {
    const { id, name } = booted[tier] as Machine
    const allowed = new Set(statementsOf(tier, name).flatMap(({ Action }) => Action))
    const pulled = await aws.pullActions(id)
    const used = new Set([...(await aws.actions(name)), ...pulled, ...Object.values(usedOnAws).flat()])
    const rights = { missing: [...used.difference(allowed)], surplus: [...allowed.difference(used)] }
    expect(rights).toEqual({ missing: [], surplus: [] })
  })
})

describe.concurrent('booting an instance that cannot start', () => {
  it('signals failure once when its container exits, and reports the step that failed', async () => {
    const machine = await createMachine('Web')
    const tag = testImage('boot-broken')
    const input = `FROM ${baseImage('DEBIAN_IMAGE')}\nCMD ["false"]\n`
    await aws.push(await docker(['build', '--quiet', '--tag', tag, '-'], { input }), machine.image)
    expect((await boot(machine)).status).not.toBe(0)
    expect(await aws.signals(machine.instance)).toEqual([`FAILURE ${machine.group} ${configs.dev.stackName}`])
    expect(await reportOf(machine)).toEqual([
      {
        level: 'error',
        service: 'web',
        msg: 'boot failed',
        step: 'wait_until container_is_healthy 120',
        output: expect.stringContaining('the container has exited\n'),
      },
    ])
  })

  it('signals failure once when the image does not exist, even when the report cannot be sent', async () => {
    const machine = await createMachine('App')
    await on(machine, 'sed', '--in-place', "s/^readonly image='.*:/&0/; s/^readonly log_group='/&no-/", '/boot.sh')
    expect((await boot(machine)).output).toMatch(/failed \(3 of 3\)\n[\s\S]*the report of the failure was not sent/)
    expect(await aws.signals(machine.instance)).toEqual([`FAILURE ${machine.group} ${configs.dev.stackName}`])
  })

  it('fails with the address of AWS when its security group does not let it out', async () => {
    const egress = egressOf('Web', await aws.peer()).filter((match) => !match.endsWith(' --dport 443:443'))
    const machine = await createMachine('Web', egress)
    // The CLI repeats a failed call for half a minute.
    await on(machine, 'sed', '--in-place', 's/AWS_MAX_ATTEMPTS=8/AWS_MAX_ATTEMPTS=1/', '/boot.sh')
    const { status, output } = await boot(machine)
    expect(status).not.toBe(0)
    expect(output).toContain('Could not connect to the endpoint URL: "http://aws:443/"')
    expect(await aws.signals(machine.instance)).toEqual([])
  })
})

describe('booting an instance of a release that makes an alarm fire', () => {
  it('signals failure once when the alarm starts to fire while the instance serves', async () => {
    const machine = await createMachine('Web')
    await setAlarm('OK')
    await aws.push(await buildTier('web'), machine.image)
    await registerTarget(machine)
    // Long enough for the alarm, however slow the machine is.
    await on(machine, 'sed', '--in-place', "s/^readonly bake_seconds='.*/readonly bake_seconds='300'/", '/boot.sh')
    const booting = boot(machine)
    await waitFor('the script to watch the alarms', async () =>
      (await on(machine, 'cat', '/var/log/cloud-init-output.log')).includes('watching the alarms'),
    )
    await setAlarm('ALARM')
    expect((await booting).status).not.toBe(0)
    expect(await aws.signals(machine.instance)).toEqual([`FAILURE ${machine.group} ${configs.dev.stackName}`])
    expect(await reportOf(machine)).toMatchObject([{ step: 'watch_alarms', output: expect.stringContaining(alarm) }])
  })
})
