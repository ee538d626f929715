import { baseImage } from '@repo/compose'
import { docker, eventually } from './shell.ts'

/** The registry's name in the images' addresses; inside the network it is the stand-in. */
export const account = '123456789012'
const registry = `${account}.dkr.ecr.ap-northeast-1.amazonaws.com`

/** A running stand-in for AWS in a network of its own, with what was started in it. */
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
    const image = await buildImage('aws')
    const network = await docker('network', 'create', `three-tier-boot-${process.pid}-${Date.now()}`)
    const id = await docker(
      ...['run', '--detach', '--network', network, '--network-alias', 'aws', '--network-alias', registry],
      ...['--publish', '127.0.0.1::80', '--publish', '127.0.0.1::5000', image],
    )
    const standIn = new StandIn(network, id)
    try {
      const ready =
        'exec 3<>/dev/tcp/127.0.0.1/80 && exec 3<>/dev/tcp/127.0.0.1/5000 && exec 3<>/dev/tcp/127.0.0.1/5001'
      await eventually(60, () => docker('exec', id, 'bash', '-c', `${ready} && echo ready`))
    } catch (error) {
      await standIn[Symbol.asyncDispose]()
      throw error
    }
    return standIn
  }

  /** The address of the APIs, as seen from here. */
  async endpoint(): Promise<string> {
    return `http://${await docker('port', this.id, '5000')}`
  }

  /** Runs one of the scripts below `aws/`. */
  python(...args: readonly string[]): Promise<string> {
    return docker('exec', '--workdir', '/srv', this.id, 'python3', ...args)
  }

  /** The signals that CloudFormation got so far for an instance, as `STATUS group stack`. */
  async signals(instance: string): Promise<readonly string[]> {
    const calls = (await docker('logs', this.id))
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

  /** Puts an image into the registry, under the name by which instances know it. */
  async push(image: string, name: string): Promise<void> {
    const local = name.replace(registry, await docker('port', this.id, '80'))
    await docker('tag', image, local)
    this.images.add(local)
    await docker('push', '--quiet', local)
  }

  /** Starts a machine that can boot; `files` are written into it first. */
  async instance(files: Readonly<Record<string, string>>): Promise<string> {
    const environment = {
      AWS_ENDPOINT_URL: 'http://aws:5000',
      AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://aws:5001',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    }
    const id = await docker(
      ...['run', '--detach', '--privileged', '--network', this.network, '--tmpfs', '/run'],
      ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      await buildImage('instance'),
    )
    this.containers.push(id)
    for (const [path, text] of Object.entries(files)) {
      await docker('exec', id, 'bash', '-c', 'mkdir -p "$(dirname "$0")" && printf %s "$1" >"$0"', path, text)
    }
    return id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker('rm', '--force', '--volumes', ...this.containers)
    await docker('network', 'rm', this.network)
    if (this.images.size > 0) await docker('rmi', ...this.images)
  }
}

function buildImage(target: 'aws' | 'instance'): Promise<string> {
  const arg = `DEBIAN_IMAGE=${baseImage('DEBIAN_IMAGE')}`
  const file = `${import.meta.dirname}/boot.Dockerfile`
  const tag = `three-tier-test-${target}`
  return docker(
    'build',
    '--quiet',
    '--target',
    target,
    '--tag',
    tag,
    '--build-arg',
    arg,
    '--file',
    file,
    import.meta.dirname,
  )
}
