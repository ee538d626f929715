import { execFile } from 'node:child_process'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { authoritiesSecret, baseImage, repositoryRoot } from '@repo/compose'
import { GenericContainer, Network, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers'

// Ryuk's image is not to be had everywhere; what is started here is stopped here. Read when a container starts.
process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'

const run = promisify(execFile)

/** A network with the real image of the web tier in it, and upstreams for it to meet. Stop it, whatever happens. */
export class Stage implements AsyncDisposable {
  #network: StartedNetwork
  #containers: StartedTestContainer[] = []

  private constructor(network: StartedNetwork) {
    this.#network = network
  }

  /** Builds the image (all cached but for the first time) and makes the network. */
  static async open(): Promise<Stage> {
    const bases = (['DEBIAN_IMAGE', 'NODE_IMAGE'] as const).map((name) => `--build-arg=${name}=${baseImage(name)}`)
    // The docker client, as Compose does it: the recipe needs BuildKit.
    const options = ['--quiet', '--tag', image, ...bases, authoritiesSecret()]
    await run('docker', ['build', ...options, '--file', 'docker/web/Dockerfile', '.'], { cwd: repositoryRoot })
    return new Stage(await new Network().start())
  }

  /** The upstream of upstream.ts: `direct` asks it without the web tier between. */
  async upstream(): Promise<{ direct: (path: string) => Promise<string> }> {
    const container = await new GenericContainer(baseImage('NODE_IMAGE'))
      .withNetwork(this.#network)
      .withNetworkAliases('upstream')
      .withCopyFilesToContainer([{ source: join(import.meta.dirname, 'upstream.ts'), target: '/srv/upstream.ts' }])
      .withCommand(['node', '/srv/upstream.ts'])
      .withExposedPorts(9090)
      .withWaitStrategy(Wait.forHttp('/held', 9090))
      .start()
    this.#containers.push(container)
    const base = `http://${container.getHost()}:${container.getMappedPort(9090)}`
    return { direct: async (path) => (await fetch(base + path)).text() }
  }

  /** The web tier, confined as in production. */
  async web(upstream = 'upstream:9090', environment: Record<string, string> = {}): Promise<Web> {
    const container = await new ConfinedContainer(image)
      .withNetwork(this.#network)
      .withEnvironment({ APP_UPSTREAM: upstream, ...environment })
      .withExposedPorts(8080)
      .withWaitStrategy(Wait.forHttp('/healthz', 8080))
      .start()
    this.#containers.push(container)
    return new Web(container)
  }

  /** Runs the container without the one setting it needs. */
  async runWithoutUpstream(): Promise<unknown> {
    return run('docker', ['run', '--rm', image])
  }

  /** An address of the network that nobody has: packets to it are answered by nothing. */
  async emptyAddress(): Promise<string> {
    const format = '{{(index .IPAM.Config 0).Gateway}}'
    const { stdout } = await run('docker', ['network', 'inspect', '--format', format, this.#network.getId()])
    return stdout.trim().replace(/\d+$/, '253')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#containers.map((container) => container.stop({ timeout: 0 })))
    await this.#network.stop()
  }
}

const image = 'three-tier-web-test'

class ConfinedContainer extends GenericContainer {
  constructor(name: string) {
    super(name)
    this.hostConfig.ReadonlyRootfs = true
    this.withTmpFs({ '/tmp': 'rw' }).withDroppedCapabilities('ALL').withSecurityOpt('no-new-privileges')
  }
}

/** What came back: header names in lower case. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as received: shows a header that came twice. */
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** One running container of the web tier. */
export class Web {
  readonly container: StartedTestContainer

  constructor(container: StartedTestContainer) {
    this.container = container
  }

  /** Asked for each time, since a restart moves the port. */
  get #address() {
    return { host: this.container.getHost(), port: this.container.getMappedPort(8080) }
  }

  /** Sends a well-formed request. Rejects when the response is cut off. */
  async ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
    const { body, ...rest } = options
    return new Promise<Answer>((resolve, reject) => {
      const sent = request({ ...this.#address, path, agent: false, ...rest }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode = 0, headers, rawHeaders } = response
          resolve({ status: statusCode, headers, rawHeaders, body: Buffer.concat(chunks).toString() })
        })
      })
      sent.on('error', reject).end(body)
    })
  }

  /** Asks for a response, and gives its body, decoded, part by part as it comes. */
  async *stream(path: string, headers: Record<string, string>): AsyncGenerator<string, undefined> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ ...this.#address, path, headers, agent: false }, resolve)
        .on('error', reject)
        .end()
    })
    const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
    for await (const part of body) yield String(part)
    return undefined
  }

  /** Sends bytes as they are; resolves with all that came back once the server has closed the connection. `end` closes ours first. */
  async send(bytes: string | Buffer, options: { end?: boolean } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      let received = ''
      const socket = connect(this.#address, () => {
        if (options.end) socket.end(bytes)
        else socket.write(bytes)
      })
      socket.setEncoding('latin1').on('data', (chunk) => {
        received += chunk
      })
      // A server that refuses before it has read all it was sent resets the connection.
      socket.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' ? resolve(received) : reject(error),
      )
      socket.on('close', () => resolve(received))
    })
  }

  /** Everything logged so far, parsed. @throws when a line of either log is not JSON. */
  async log(): Promise<Record<string, unknown>[]> {
    const { stdout, stderr } = await run('docker', ['logs', this.container.getId()], { maxBuffer: 64 * 2 ** 20 })
    const lines = (stdout + stderr).split('\n').filter((line) => line !== '')
    return lines.map((line) => {
      try {
        return JSON.parse(line)
      } catch (cause) {
        throw new Error(`not JSON: ${line}`, { cause })
      }
    })
  }

  /** Sends a signal to the container's first process, as a stop does. */
  async signal(name: 'SIGTERM' | 'SIGWINCH'): Promise<void> {
    await run('docker', ['kill', '--signal', name, this.container.getId()])
  }

  /** What the image's own health check makes of the container. */
  async health(): Promise<string> {
    const { stdout } = await run('docker', ['inspect', '--format', '{{.State.Health.Status}}', this.container.getId()])
    return stdout.trim()
  }

  /** The container's exit code, once it has ended. */
  async exitCode(): Promise<number> {
    const { stdout } = await run('docker', ['wait', this.container.getId()])
    return Number(stdout)
  }
}
