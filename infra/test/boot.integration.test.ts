import { join } from 'node:path'
import { baseImage, certificatesFile, docker, testImage, waitFor } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { account, StandIn } from './aws.ts'
import { synthesize } from './synthesis.ts'

const stack = synthesize()
let aws: StandIn

beforeAll(async () => {
  aws = await StandIn.start()
})
afterAll(() => aws?.[Symbol.asyncDispose]())

/** An instance of a tier before its boot, with the names of its resources. */
interface Machine {
  readonly id: string
  readonly instance: string
  readonly targetGroup: string
  readonly secret: string
  readonly image: string
  readonly group: string
  readonly logGroup: string
}

/** Starts an instance whose boot script is the template's user data, with references resolved as a deployment does. */
async function createMachine(tier: 'Web' | 'App'): Promise<Machine> {
  const logGroup = `${tier}-${crypto.randomUUID()}`
  const port = stack.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier).Properties.Port
  const created = JSON.parse(await aws.python('prepare.py', String(port), logGroup))
  const names: Readonly<Record<string, string>> = {
    'AWS::AccountId': account,
    'AWS::URLSuffix': 'amazonaws.com',
    [stack.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier).id]: created.targetGroup,
    [stack.one('AWS::Logs::LogGroup', tier).id]: logGroup,
    [stack.one('AWS::SecretsManager::SecretTargetAttachment', 'DataAppSecret').id]: created.secret,
  }
  const { UserData } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const script = resolve(UserData['Fn::Base64'], names)
  const setting = (name: string) => new RegExp(`^readonly ${name}='(.*)'$`, 'm').exec(script)?.[1] ?? ''
  // A real instance watches its alarms for minutes.
  const shortened = script.replace(/(?<=^readonly bake_seconds=')\d+/m, '12')
  const id = await aws.instance({ '/boot.sh': shortened, '/var/lib/cloud/data/instance-id': created.instance })
  return { ...created, id, logGroup, image: setting('image'), group: setting('group') }
}

/** Resolves the functions and references in a text of the template. */
function resolve(text: unknown, names: Readonly<Record<string, string>>): string {
  if (typeof text === 'string') return text
  const [[operation, value] = []] = Object.entries(text as object)
  switch (operation) {
    case 'Fn::Join':
      return value[1].map((part: unknown) => resolve(part, names)).join(value[0])
    case 'Fn::Sub':
      return value.replace(/\$\{(.*?)\}/g, (_: string, name: string) => names[name])
    case 'Ref':
      return names[value] ?? value
    case 'Fn::GetAtt':
      return `${value.join('.')}.example.org`
    default:
      throw new Error(`unsupported in user data: ${JSON.stringify(text)}`)
  }
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

async function setAlarm(machine: Machine, state: 'OK' | 'ALARM'): Promise<void> {
  const metric = ['--namespace', 'n', '--metric-name', 'm', '--statistic', 'Sum', '--period', '60']
  const limit = ['--evaluation-periods', '1', '--threshold', '1', '--comparison-operator', 'GreaterThanThreshold']
  await awsOn(machine, 'cloudwatch', 'put-metric-alarm', '--alarm-name', alarm, ...metric, ...limit)
  const set = ['--alarm-name', alarm, '--state-value', state, '--state-reason', 'test']
  await awsOn(machine, 'cloudwatch', 'set-alarm-state', ...set)
}

/** The report of a failed boot in the tier's log group. */
async function reportOf(machine: Machine) {
  const stream = ['--log-group-name', machine.logGroup, '--log-stream-name', `${machine.instance}-boot`]
  const { events } = JSON.parse(await awsOn(machine, 'logs', 'get-log-events', ...stream))
  return events.map(({ message }: { message: string }) => JSON.parse(message))
}

/** Runs a command on a machine. */
function on({ id }: Machine, ...command: readonly string[]): Promise<string> {
  return docker(['exec', id, ...command])
}

function awsOn(machine: Machine, ...command: readonly string[]): Promise<string> {
  return on(machine, 'aws', '--region', 'ap-northeast-1', ...command)
}

function registerTarget(machine: Machine): Promise<string> {
  const target = ['--target-group-arn', machine.targetGroup, '--targets', `Id=${machine.instance}`]
  return awsOn(machine, 'elbv2', 'register-targets', ...target)
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

const booted: Partial<Record<'Web' | 'App', Machine>> = {}

describe.each([
  ['Web', 'web', '33:33', 8080],
  ['App', 'app', '10001:10001', 9090],
] as const)('booting an instance of the %s tier', (construct, tier, user, port) => {
  let machine: Machine
  let outcome: Awaited<ReturnType<typeof boot>>
  let signalsBefore: readonly string[]

  beforeAll(async () => {
    machine = await createMachine(construct)
    await aws.push(await buildTier(tier), machine.image)
    await setAlarm(machine, 'ALARM')
    const booting = boot(machine)
    await Promise.race([
      waitFor('the container to answer', () =>
        on(machine, 'curl', '--silent', '--fail', '--write-out', '%{http_code}', `http://127.0.0.1:${port}/healthz`),
      ),
      booting.then(({ output }) => Promise.reject(new Error(output))),
    ])
    signalsBefore = await aws.signals(machine.instance)
    await registerTarget(machine)
    outcome = await booting
    booted[construct] = machine
  })

  it('succeeds', () => {
    expect(outcome).toMatchObject({ status: 0 })
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

  it('sends the container log to CloudWatch', async () => {
    const request = `boot-${machine.instance}`
    await on(machine, 'curl', '--silent', '--header', `X-Request-Id: ${request}`, `http://127.0.0.1:${port}/status`)
    const stream = ['--log-group-name', machine.logGroup, '--log-stream-name', machine.instance]
    await waitFor('the log line', async () =>
      (await awsOn(machine, 'logs', 'get-log-events', ...stream)).includes(request),
    )
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
    const next = JSON.stringify({ username: 'app', password: 'the-next-password' })
    await awsOn(machine, 'secretsmanager', 'put-secret-value', '--secret-id', machine.secret, '--secret-string', next)
    await on(machine, 'systemctl', 'start', 'database-password.service')
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-next-password')
    expect(await started()).toBe(since)
  })

  it('keeps the current password when the secret has none', async () => {
    await awsOn(machine, 'secretsmanager', 'put-secret-value', '--secret-id', machine.secret, '--secret-string', '{}')
    await expect(on(machine, 'systemctl', 'start', 'database-password.service')).rejects.toThrow()
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-next-password')
  })
})

describe('booting an instance that cannot start', () => {
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
})

describe('booting an instance of a release that makes an alarm fire', () => {
  it('signals failure once when the alarm starts to fire while the instance serves', async () => {
    const machine = await createMachine('Web')
    await setAlarm(machine, 'OK')
    await aws.push(await buildTier('web'), machine.image)
    await registerTarget(machine)
    // Long enough for the alarm, however slow the machine is.
    await on(machine, 'sed', '--in-place', "s/^readonly bake_seconds='.*/readonly bake_seconds='300'/", '/boot.sh')
    const booting = boot(machine)
    await waitFor('the script to watch the alarms', async () =>
      (await on(machine, 'cat', '/var/log/cloud-init-output.log')).includes('watching the alarms'),
    )
    await setAlarm(machine, 'ALARM')
    expect((await booting).status).not.toBe(0)
    expect(await aws.signals(machine.instance)).toEqual([`FAILURE ${machine.group} ${configs.dev.stackName}`])
    expect(await reportOf(machine)).toMatchObject([{ step: 'watch_alarms', output: expect.stringContaining(alarm) }])
  })
})
