import {
  baseImage,
  docker,
  removeLeftovers,
  testImage,
  testProject,
  testRun,
  testRunLabel,
  waitFor,
} from '@repo/compose'

/** Account of the registry in the images' addresses. In its network, the stand-in has the registry's name. */
export const account = '123456789012'
const registry = `${account}.dkr.ecr.ap-northeast-1.amazonaws.com`

/** A stand-in for AWS in a network of its own, and the instances in that network. */
export class StandIn implements AsyncDisposable {
  readonly network: string
  readonly id: string
  private readonly containers: string[]
  private readonly images = new Set<string>()

  private constructor(network: string, id: string) {
    this.network = network
    this.id = id
    this.containers = [id]
  }

  static async start(): Promise<StandIn> {
    await removeLeftovers()
    const image = await buildImage('aws')
    const network = testProject('aws')
    // The label by which removeLeftovers finds networks.
    await docker(['network', 'create', '--label', `com.docker.compose.project=${network}`, network])
    const id = await docker([
      ...[
        'run',
        '--detach',
        '--label',
        `${testRunLabel}=${testRun}`,
        '--network',
        network,
        '--network-alias',
        'aws',
        '--network-alias',
        registry,
      ],
      ...['--publish', '127.0.0.1::80', '--publish', '127.0.0.1::5000', image],
    ])
    const standIn = new StandIn(network, id)
    try {
      const connect = [80, 5000, 5001].map((port) => `exec 3<>/dev/tcp/127.0.0.1/${port}`).join(' && ')
      await waitFor('the stand-in for AWS to listen', async () => {
        await docker(['exec', id, 'bash', '-c', connect])
        return true
      })
    } catch (error) {
      await standIn[Symbol.asyncDispose]()
      throw error
    }
    return standIn
  }

  /** Address of the APIs on this machine. */
  async endpoint(): Promise<string> {
    return `http://${await docker(['port', this.id, '5000'])}`
  }

  /** Runs a script of `aws/`. */
  python(...args: readonly string[]): Promise<string> {
    return docker(['exec', '--workdir', '/srv', this.id, 'python3', ...args])
  }

  /**
   * Creates users with these policy statements. From now on a call needs the rights of one of them. Resolves with their
   * keys.
   */
  async enforce<User extends string>(statements: Readonly<Record<User, readonly object[]>>) {
    const keys = JSON.parse(await this.python('users.py', JSON.stringify(statements)))
    await fetch(`${await this.endpoint()}/moto-api/reset-auth`, { method: 'POST', body: '0' })
    return keys as Readonly<Record<User, { readonly accessKeyId: string; readonly secretAccessKey: string }>>
  }

  /** The actions that a user of {@link enforce} has tried. */
  async actions(user: string): Promise<ReadonlySet<string>> {
    const actions = (await docker(['logs', this.id])).matchAll(/^action \S+:user\/(\S+) (\S+)$/gm)
    return new Set([...actions].filter(([, name]) => name === user).map(([, , action]) => String(action)))
  }

  /** The signals received by CloudFormation for an instance, as `STATUS group stack`. */
  async signals(instance: string): Promise<readonly string[]> {
    const calls = (await docker(['logs', this.id]))
      .split('\n')
      .filter((line) => line.startsWith('call Action=SignalResource '))
    return calls
      .map((line) =>
        Object.fromEntries(
          line
            .split(' ')
            .slice(1)
            .map((pair) => pair.split('=')),
        ),
      )
      .filter((call) => call.UniqueId === instance)
      .map((call) => `${call.Status} ${call.LogicalResourceId} ${call.StackName}`)
  }

  /** Pushes an image to the registry under the name that instances pull. */
  async push(image: string, name: string): Promise<void> {
    const local = name.replace(registry, await docker(['port', this.id, '80']))
    await docker(['tag', image, local])
    this.images.add(local)
    await docker(['push', '--quiet', local])
  }

  /** Starts an instance that has not booted, with `files`. Resolves with its container's id. */
  async instance(files: Readonly<Record<string, string>>): Promise<string> {
    const environment = {
      AWS_ENDPOINT_URL: 'http://aws:5000',
      AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://aws:5001',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    }
    const id = await docker([
      ...[
        'run',
        '--detach',
        '--label',
        `${testRunLabel}=${testRun}`,
        '--privileged',
        '--network',
        this.network,
        '--tmpfs',
        '/run',
      ],
      ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      await buildImage('instance'),
    ])
    this.containers.push(id)
    for (const [path, text] of Object.entries(files)) {
      await docker(['exec', '--interactive', id, 'install', '-D', '/dev/stdin', path], { input: text })
    }
    return id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker(['rm', '--force', '--volumes', ...this.containers])
    await docker(['network', 'rm', this.network])
    if (this.images.size > 0) await docker(['rmi', ...this.images])
  }
}

async function buildImage(target: 'aws' | 'instance'): Promise<string> {
  const tag = testImage(target)
  await docker([
    ...['build', '--quiet', '--target', target, '--tag', tag],
    `--build-arg=DEBIAN_IMAGE=${baseImage('DEBIAN_IMAGE')}`,
    `--file=${import.meta.dirname}/boot.Dockerfile`,
    import.meta.dirname,
  ])
  return tag
}
