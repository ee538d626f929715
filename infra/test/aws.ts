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
import { configs } from '../lib/config.ts'

/** Account of the registry in the images' addresses. In its network, the stand-in has the registry's name. */
export const account = '123456789012'
export const { region } = configs.dev
const registryName = `${account}.dkr.ecr.${region}.amazonaws.com`

/** Keys of a user. */
interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Those of the tests' own calls, which need no rights. */
export const testKeys: Keys = { accessKeyId: 'test', secretAccessKey: 'test' }

interface InstanceOptions {
  readonly files: Readonly<Record<string, string>>
  /** Of the user with the rights of the instance's role. */
  readonly keys: Keys
  /** The connections that its security group lets out, as matches of iptables. */
  readonly egress: readonly string[]
}

/** The requests of a pull, by the action that AWS requires for them. */
const pullRequests: Readonly<Record<string, RegExp>> = {
  'ecr:BatchGetImage': /"(GET|HEAD) \/v2\/\S+\/manifests\//,
  'ecr:BatchCheckLayerAvailability': /"HEAD \/v2\/\S+\/blobs\//,
  'ecr:GetDownloadUrlForLayer': /"GET \/v2\/\S+\/blobs\//,
}

/** A stand-in for AWS (its APIs and a registry) in a network of its own, and the instances in that network. */
export class StandIn implements AsyncDisposable {
  private readonly network: string
  private readonly apis: string
  private readonly registry: string
  private readonly containers: string[]
  private readonly images = new Set<string>()

  private constructor(network: string, apis: string, registry: string) {
    this.network = network
    this.apis = apis
    this.registry = registry
    this.containers = [apis, registry]
  }

  static async start(): Promise<StandIn> {
    await removeLeftovers()
    const image = await buildImage('aws')
    const network = testProject('aws')
    // The label by which removeLeftovers finds networks.
    await docker(['network', 'create', '--label', `com.docker.compose.project=${network}`, network])
    const defaultRegion = ['--env', `AWS_DEFAULT_REGION=${region}`]
    const serve = (alias: string, ...command: readonly string[]) =>
      run(network, '--network-alias', alias, '--publish', '127.0.0.1::443', ...defaultRegion, image, ...command)
    const standIn = new StandIn(
      network,
      await serve('aws', 'python3', 'apis.py'),
      await serve(registryName, 'docker-registry', 'serve', 'registry.yml'),
    )
    try {
      const connect = `exec 3<>/dev/tcp/127.0.0.1/443 4<>/dev/tcp/${registryName}/443`
      await waitFor('the stand-in for AWS to listen', async () => {
        await docker(['exec', standIn.apis, 'bash', '-c', connect])
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
    return `http://${await docker(['port', this.apis, '443'])}`
  }

  /** Address of the APIs in the stand-in's network. */
  address(): Promise<string> {
    return addressOf(this.apis)
  }

  /** Another address in its network, which has no instance of any tier: that of the registry. */
  peer(): Promise<string> {
    return addressOf(this.registry)
  }

  /** Runs a script of `aws/`. */
  python(...args: readonly string[]): Promise<string> {
    return docker(['exec', this.apis, 'python3', ...args])
  }

  /** Calls an API without the need of rights. Resolves with the response. */
  // biome-ignore lint/suspicious/noExplicitAny: a response is any JSON.
  async call(service: string, operation: string, parameters: object): Promise<any> {
    return JSON.parse(await this.python('call.py', service, operation, JSON.stringify(parameters)))
  }

  /** Creates users with these policy statements. Resolves with their keys. */
  async createUsers<User extends string>(
    statements: Readonly<Record<User, readonly object[]>>,
  ): Promise<Readonly<Record<User, Keys>>> {
    return JSON.parse(await this.python('users.py', JSON.stringify(statements)))
  }

  /** The actions that a user has tried. */
  async actions(user: string): Promise<ReadonlySet<string>> {
    return new Set(await this.printed(`action ${user} `))
  }

  /** The actions that an instance's pulls of images need. The registry does not check rights. */
  async pullActions(instance: string): Promise<readonly string[]> {
    const address = await addressOf(instance)
    const requests = (await docker(['logs', this.registry]))
      .split('\n')
      .filter((line) => line.startsWith(`${address} `))
    return Object.keys(pullRequests).filter((action) => requests.some((request) => pullRequests[action]?.test(request)))
  }

  /** The signals received by CloudFormation for an instance, as `STATUS group stack`. */
  signals(instance: string): Promise<readonly string[]> {
    return this.printed(`signal ${instance} `)
  }

  /** The rest of the lines of the APIs' output that begin with `prefix`. */
  private async printed(prefix: string): Promise<readonly string[]> {
    const lines = (await docker(['logs', this.apis])).split('\n')
    return lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length))
  }

  /** Pushes an image to the registry under the name that instances pull. */
  async push(image: string, name: string): Promise<void> {
    const local = name.replace(registryName, await docker(['port', this.registry, '443']))
    await docker(['tag', image, local])
    this.images.add(local)
    await docker(['push', '--quiet', local])
  }

  /** Starts an instance that has not booted. Resolves with its container's id. */
  async instance({ files, keys, egress }: InstanceOptions): Promise<string> {
    const environment = {
      AWS_ENDPOINT_URL: 'http://aws:443',
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    }
    const variables = Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    const image = await buildImage('instance')
    const id = await run(this.network, '--privileged', '--tmpfs', '/run', ...variables, image)
    this.containers.push(id)
    await docker(['exec', '--interactive', id, 'iptables-restore'], { input: securityGroup(egress) })
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

/** Starts a container. */
function run(network: string, ...args: readonly string[]): Promise<string> {
  return docker(['run', '--detach', '--label', `${testRunLabel}=${testRun}`, '--network', network, ...args])
}

function addressOf(container: string): Promise<string> {
  return docker(['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container])
}

/** Lets out replies and what matches, from an instance and its containers, as a security group does. */
function securityGroup(egress: readonly string[]): string {
  return [
    '*filter',
    ':EGRESS -',
    // Docker's engine applies this chain to what containers send, and keeps its rules.
    ':DOCKER-USER -',
    '-A OUTPUT -o eth0 -j EGRESS',
    '-A DOCKER-USER -o eth0 -j EGRESS',
    '-A EGRESS -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN',
    ...egress.map((match) => `-A EGRESS ${match} -j RETURN`),
    // A security group drops. A rejection ends a test sooner, and is distinct from a closed port.
    '-A EGRESS -j REJECT --reject-with icmp-admin-prohibited',
    'COMMIT\n',
  ].join('\n')
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
