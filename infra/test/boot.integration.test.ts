import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authoritiesSecret, baseImage } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { account, StandIn } from './aws.ts'
import { docker, eventually } from './shell.ts'
import { synthesize } from './synthesis.ts'

const stack = synthesize()
let aws: StandIn

beforeAll(async () => {
  aws = await StandIn.start()
})
afterAll(() => aws?.[Symbol.asyncDispose]())

/** One instance of a tier before its boot. */
interface Machine {
  readonly id: string
  readonly instance: string
  readonly targetGroup: string
  readonly secret: string
  readonly image: string
  readonly group: string
  readonly logGroup: string
}

/** The user data of the template, with the names that a deployment would give put in; nothing else is changed. */
async function machineOf(tier: 'Web' | 'App'): Promise<Machine> {
  const logGroup = `${tier}-${crypto.randomUUID()}`
  const port = stack.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier).Properties.Port
  const made = JSON.parse(await aws.python('prepare.py', String(port), logGroup))
  const names: Readonly<Record<string, string>> = {
    'AWS::AccountId': account,
    'AWS::URLSuffix': 'amazonaws.com',
    [stack.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier).id]: made.targetGroup,
    [stack.one('AWS::Logs::LogGroup', tier).id]: logGroup,
    [stack.one('AWS::SecretsManager::SecretTargetAttachment', 'DataAppSecret').id]: made.secret,
  }
  const { UserData } = stack.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const script = deployed(UserData['Fn::Base64'], names)
  const setting = (name: string) => new RegExp(`^readonly ${name}='(.*)'$`, 'm').exec(script)?.[1] ?? ''
  const id = await aws.instance({ '/boot.sh': script, '/var/lib/cloud/data/instance-id': made.instance })
  return { ...made, id, logGroup, image: setting('image'), group: setting('group') }
}

/** What CloudFormation would make of a text of the template. */
function deployed(text: unknown, names: Readonly<Record<string, string>>): string {
  if (typeof text === 'string') return text
  const [[operation, value] = []] = Object.entries(text as object)
  switch (operation) {
    case 'Fn::Join':
      return value[1].map((part: unknown) => deployed(part, names)).join(value[0])
    case 'Fn::Sub':
      return value.replace(/\$\{(.*?)\}/g, (_: string, name: string) => names[name])
    case 'Ref':
      return names[value] ?? value
    case 'Fn::GetAtt':
      return `${value.join('.')}.example.org`
    default:
      throw new Error(`unknown in user data: ${JSON.stringify(text)}`)
  }
}

/** Boots a machine; gives the exit status and what the script said. */
async function boot({ id }: Machine): Promise<{ readonly status: number; readonly output: string }> {
  const output = await docker('exec', id, 'bash', '-c', 'bash /boot.sh 2>&1; echo $?')
  return { status: Number(output.split('\n').at(-1)), output }
}

/** Runs a command on a machine. */
function on({ id }: Machine, ...command: readonly string[]): Promise<string> {
  return docker('exec', id, ...command)
}

function awsOn(machine: Machine, ...command: readonly string[]): Promise<string> {
  return on(machine, 'aws', '--region', 'ap-northeast-1', ...command)
}

function registerTarget(machine: Machine): Promise<string> {
  const target = ['--target-group-arn', machine.targetGroup, '--targets', `Id=${machine.instance}`]
  return awsOn(machine, 'elbv2', 'register-targets', ...target)
}

/** Builds a tier's image as the CLI would: from the copy of the context that the assembly holds. */
function buildTier(tier: 'web' | 'app'): Promise<string> {
  const { directory, dockerFile } = stack.image(`docker/${tier}.Dockerfile`)
  const baseImages = (['DEBIAN_IMAGE', 'NODE_IMAGE'] as const).map((name) => `--build-arg=${name}=${baseImage(name)}`)
  return docker(
    'build',
    '--quiet',
    `--file=${join(directory, dockerFile)}`,
    ...baseImages,
    authoritiesSecret(),
    directory,
  )
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
    machine = await machineOf(construct)
    await aws.push(await buildTier(tier), machine.image)
    const booting = boot(machine)
    await Promise.race([
      eventually(120, () => on(machine, 'curl', '--silent', '--fail', `http://127.0.0.1:${port}/healthz`)),
      booting.then(({ output }) => Promise.reject(new Error(output))),
    ])
    signalsBefore = await aws.signals(machine.instance)
    await registerTarget(machine)
    outcome = await booting
    booted[construct] = machine
  }, 300_000)

  it('succeeds', () => {
    expect(outcome).toMatchObject({ status: 0 })
  })

  it('signals success once, and not before its target is healthy', async () => {
    expect(signalsBefore).toEqual([])
    expect(await aws.signals(machine.instance)).toEqual([`SUCCESS ${machine.group} ThreeTierDev`])
  })

  it('ends with a healthy container that may do next to nothing', async () => {
    const health = () => on(machine, 'docker', 'inspect', '--format', '{{.State.Health.Status}}', tier)
    await eventually(30, async () => (await health()) === 'healthy')
    const [container] = JSON.parse(await on(machine, 'docker', 'inspect', tier))
    expect(container.Config.User).toBe(user)
    expect(container.HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: null,
      Privileged: false,
      SecurityOpt: ['no-new-privileges:true'],
    })
  })

  it('sends the log of the container to CloudWatch', { timeout: 60_000 }, async () => {
    const request = `boot-${machine.instance}`
    await on(machine, 'curl', '--silent', '--header', `X-Request-Id: ${request}`, `http://127.0.0.1:${port}/read`)
    const stream = ['--log-group-name', machine.logGroup, '--log-stream-name', machine.instance]
    await eventually(50, async () => (await awsOn(machine, 'logs', 'get-log-events', ...stream)).includes(request))
  })
})

describe('an instance of the app tier after its boot', () => {
  let machine: Machine

  beforeAll(() => {
    machine = booted.App as Machine
  })

  const inContainer = (...command: string[]) => on(machine, 'docker', 'exec', 'app', ...command)
  const started = () => on(machine, 'docker', 'inspect', '--format', '{{.State.StartedAt}}', 'app')

  it('leaves the password in memory only, where root and the container may read it', async () => {
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

  it('brings a rotated password to the running container', async () => {
    const since = await started()
    const next = JSON.stringify({ username: 'app', password: 'the-next-password' })
    await awsOn(machine, 'secretsmanager', 'put-secret-value', '--secret-id', machine.secret, '--secret-string', next)
    await on(machine, 'systemctl', 'start', 'database-password.service')
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-next-password')
    expect(await started()).toBe(since)
  })

  it('keeps the password it has when there is no new one to be had', async () => {
    await awsOn(machine, 'secretsmanager', 'put-secret-value', '--secret-id', machine.secret, '--secret-string', '{}')
    await expect(on(machine, 'systemctl', 'start', 'database-password.service')).rejects.toThrow()
    expect(await inContainer('cat', '/run/credentials/password')).toBe('the-next-password')
  })
})

describe('booting an instance that cannot work', () => {
  it('signals failure once, and at once, when its container stops by itself', { timeout: 60_000 }, async () => {
    const machine = await machineOf('Web')
    const folder = await mkdtemp(join(tmpdir(), 'three-tier-broken-'))
    await writeFile(join(folder, 'Dockerfile'), `FROM ${baseImage('DEBIAN_IMAGE')}\nCMD ["false"]\n`)
    await aws.push(await docker('build', '--quiet', folder), machine.image)
    await rm(folder, { recursive: true })
    expect((await boot(machine)).status).not.toBe(0)
    expect(await aws.signals(machine.instance)).toEqual([`FAILURE ${machine.group} ThreeTierDev`])
  })

  it('signals failure once when there is no such image', { timeout: 60_000 }, async () => {
    const machine = await machineOf('App')
    await on(machine, 'sed', '--in-place', "s/^readonly image='.*:/&0/", '/boot.sh')
    expect((await boot(machine)).status).not.toBe(0)
    expect(await aws.signals(machine.instance)).toEqual([`FAILURE ${machine.group} ThreeTierDev`])
  })
})
