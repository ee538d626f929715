import { randomUUID } from 'node:crypto'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { baseImage, buildImage, docker, dockerOutput, removeLeftovers, testRun, testRunLabel } from '@repo/compose'
import { testContainer } from '@repo/compose/testing'
import { type StartedTestContainer, Wait } from 'testcontainers'

/** A network for containers of the web image and the upstream that they proxy to. */
export interface TestEnvironment extends AsyncDisposable {
  /** Starts the server of `upstream.ts` under the name `upstream`. */
  startUpstream(): Promise<Upstream>
  /**
   * Starts the web image as confined as in production.
   *
   * @param upstream host:port. @default the upstream
   * @param env added to the container's environment.
   */
  startWeb(upstream?: string, env?: Readonly<Record<string, string>>): Promise<Web>
  /** Runs the web image without APP_UPSTREAM. @throws {DockerError} */
  runWithoutUpstream(): Promise<string>
  /** An address of the network that no container has: nothing answers its packets. */
  unusedAddress(): Promise<string>
}

/** The upstream. */
export interface Upstream {
  /** Requests a path without the web tier and resolves with the body. */
  get(path: string): Promise<string>
}

/** Builds the web image and creates the network. The caller disposes of it. */
export async function openTestEnvironment(): Promise<TestEnvironment> {
  await removeLeftovers()
  const image = await buildImage('web')
  const network = await docker(['network', 'create', '--label', `${testRunLabel}=${testRun}`, `test-${randomUUID()}`])
  const containers: StartedTestContainer[] = []

  return {
    async startUpstream() {
      const source = join(import.meta.dirname, 'upstream.ts')
      const container = await testContainer(baseImage('NODE_IMAGE'))
        .withNetworkMode(network)
        .withNetworkAliases('upstream')
        .withCopyFilesToContainer([{ source, target: '/srv/upstream.ts' }])
        .withCommand(['node', '/srv/upstream.ts'])
        .withExposedPorts(9090)
        .withWaitStrategy(Wait.forHttp('/held', 9090))
        .start()
      containers.push(container)
      const url = `http://${container.getHost()}:${container.getMappedPort(9090)}`
      return { get: async (path) => (await fetch(url + path)).text() }
    },

    async startWeb(upstream = 'upstream:9090', env = {}) {
      const confined = testContainer(image)
      // Testcontainers has no method for this.
      Reflect.get(confined, 'hostConfig').ReadonlyRootfs = true
      const container = await confined
        .withNetworkMode(network)
        .withEnvironment({ APP_UPSTREAM: upstream, ...env })
        .withTmpFs({ '/tmp': 'rw' })
        .withDroppedCapabilities('ALL')
        .withSecurityOpt('no-new-privileges')
        .withExposedPorts(8080)
        .withWaitStrategy(Wait.forHttp('/healthz', 8080))
        .start()
      containers.push(container)
      return webOf(container)
    },

    runWithoutUpstream: () => docker(['run', '--rm', image]),

    async unusedAddress() {
      const gateway = await docker(['network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', network])
      return gateway.replace(/\d+$/, '253')
    },

    async [Symbol.asyncDispose]() {
      await Promise.all(containers.map((container) => container.stop({ timeout: 0 })))
      await docker(['network', 'rm', network])
    },
  }
}

/** A response with its complete body. Header names are in lower case. */
export interface WebResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as received: a header sent twice is listed twice. */
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** What a request has besides its path. */
export interface RequestParts {
  /** @default GET */
  readonly method?: string
  readonly headers?: Record<string, string>
  /** Parts are sent 20 ms apart. */
  readonly body?: string | readonly string[]
}

/** A running container of the web image. */
export interface Web {
  readonly container: StartedTestContainer
  /** A restart changes the port. */
  address(): { readonly host: string; readonly port: number }
  /** Sends a well-formed request. Rejects when the response is cut off. */
  request(path: string, parts?: RequestParts): Promise<WebResponse>
  /** Sends a GET request; yields the decoded body in the parts in which it arrives. */
  stream(path: string, headers: Record<string, string>): AsyncGenerator<string, undefined>
  /**
   * Sends bytes unchanged; resolves with everything received once the server has closed the connection.
   *
   * @param options.end closes this side after the bytes. @default false
   */
  send(bytes: string | Buffer, options?: { end?: boolean }): Promise<string>
  /** All log lines so far, parsed. @throws when a line is not JSON. */
  log(): Promise<Record<string, unknown>[]>
  /** Sends a signal to the container's first process, as `docker stop` does. */
  signal(name: 'SIGTERM' | 'SIGWINCH'): Promise<void>
  /** Runs the image's own health check. */
  isHealthy(): Promise<boolean>
  /** Resolves with the container's exit code when it has exited. */
  exitCode(): Promise<number>
}

function webOf(container: StartedTestContainer): Web {
  const id = container.getId()
  const address = () => ({ host: container.getHost(), port: container.getMappedPort(8080) })

  return {
    container,
    address,

    request: (path, { body, ...parts } = {}) =>
      new Promise((resolve, reject) => {
        const sent = request({ ...address(), path, agent: false, ...parts }, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const { statusCode = 0, headers, rawHeaders } = response
            resolve({ status: statusCode, headers, rawHeaders, body: Buffer.concat(chunks).toString() })
          })
        })
        sent.on('error', reject)
        if (Array.isArray(body)) Readable.from(body.values().map((part) => setTimeout(20, part))).pipe(sent)
        else sent.end(body)
      }),

    async *stream(path, headers) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ ...address(), path, headers, agent: false }, resolve)
          .on('error', reject)
          .end()
      })
      const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
      for await (const part of body) yield String(part)
      return undefined
    },

    send: (bytes, { end = false } = {}) =>
      new Promise((resolve, reject) => {
        let received = ''
        const socket = connect(address(), () => {
          if (end) socket.end(bytes)
          else socket.write(bytes)
        })
        socket.setEncoding('latin1').on('data', (chunk) => {
          received += chunk
        })
        // A server that refuses a request before it has read all of it resets the connection.
        socket.on('error', (error: NodeJS.ErrnoException) =>
          error.code === 'ECONNRESET' ? resolve(received) : reject(error),
        )
        socket.on('close', () => resolve(received))
      }),

    async log() {
      const { stdout, stderr } = await dockerOutput(['logs', id])
      const lines = (stdout + stderr).split('\n').filter((line) => line !== '')
      return lines.map((line) => {
        try {
          return JSON.parse(line)
        } catch (cause) {
          throw new Error(`not JSON: ${line}`, { cause })
        }
      })
    },

    signal: async (name) => void (await docker(['kill', '--signal', name, id])),

    async isHealthy() {
      const test = await docker(['inspect', '--format', '{{json .Config.Healthcheck.Test}}', id])
      const [, ...command] = JSON.parse(test)
      // Docker's timeout applies only to the checks that Docker runs itself.
      const { exitCode } = await container.exec(['timeout', '5', ...command])
      return exitCode === 0
    },

    exitCode: async () => Number(await docker(['wait', id])),
  }
}
