import { baseImage, repositoryRoot } from '@three-tier/stack'
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

function registerTarget(machine: Machine): Promise<string> {
  const target = ['--target-group-arn', machine.targetGroup, '--targets', `Id=${machine.instance}`]
  return on(machine, 'aws', '--region', 'ap-northeast-1', 'elbv2', 'register-targets', ...target)
}

function buildTier(tier: 'web' | 'app'): Promise<string> {
  return docker(
    ...['build', '--quiet', '--file', `${repositoryRoot}/docker/${tier}.Dockerfile`],
    ...[
      '--build-arg',
      `DEBIAN_IMAGE=${baseImage('DEBIAN_IMAGE')}`,
      '--build-arg',
      `NODE_IMAGE=${baseImage('NODE_IMAGE')}`,
    ],
    ...['--secret', `id=ca,src=${process.env.NODE_EXTRA_CA_CERTS || '/dev/null'}`, repositoryRoot],
  )
}

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
    await eventually(120, () => on(machine, 'curl', '--silent', '--fail', `http://127.0.0.1:${port}/healthz`))
    signalsBefore = await aws.signals(machine.instance)
    await registerTarget(machine)
    outcome = await booting
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

  it('sends the log of the container to CloudWatch', async () => {
    await eventually(30, async () => {
      const stream = ['--log-group-name', machine.logGroup, '--log-stream-name', machine.instance]
      const get = ['logs', 'get-log-events', ...stream, '--output', 'text']
      return (await on(machine, 'aws', '--region', 'ap-northeast-1', ...get)).includes(`"service":"${tier}"`)
    })
  })
})
