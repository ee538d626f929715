import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { docker, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { type Resource, synthesize } from './synthesis.ts'

/** The compared part of a service in `docker compose config`. */
interface Service {
  readonly build: { readonly context: string; readonly dockerfile: string; readonly target?: string }
  readonly environment: Readonly<Record<string, string>>
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
  readonly tmpfs: readonly string[]
  readonly stop_grace_period: string
  readonly mem_limit?: string
  readonly pids_limit?: number
  readonly volumes?: readonly { readonly target: string; readonly read_only?: boolean }[]
}

const { services } = JSON.parse(
  await docker(['compose', '--env-file', '/dev/null', '--profile', '*', 'config', '--format', 'json'], {
    cwd: repositoryRoot,
  }),
) as { services: Readonly<Record<'alb' | 'web' | 'nlb' | 'app' | 'db-init', Service>> }

const aws = synthesize()

const file = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8')

/** The number in the first group of `pattern` in a file of the repository. */
function setting(path: string, pattern: RegExp): number {
  const [, found] = pattern.exec(file(path)) ?? []
  if (found === undefined) throw new Error(`${path}: nothing matches ${pattern}`)
  return Number(found.replaceAll('_', ''))
}

/** The user data of a tier, with `?` for references. */
function bootScript(tier: 'Web' | 'App'): string {
  const { UserData } = aws.one('AWS::EC2::LaunchTemplate', tier).Properties.LaunchTemplateData
  const [, parts] = UserData['Fn::Base64']['Fn::Join'] as [string, unknown[]]
  return parts.map((part) => (typeof part === 'string' ? part : '?')).join('')
}

const seconds = (period: string) => Number(/^(\d+)s$/.exec(period)?.[1])
const attribute = (resource: Resource, list: string, key: string) =>
  Number(resource.Properties[list].find((each: { Key: string }) => each.Key === key)?.Value)

const tiers = [
  { name: 'web', tier: 'Web', service: services.web, balancer: 'alb', Dockerfile: 'docker/web/Dockerfile' },
  { name: 'app', tier: 'App', service: services.app, balancer: 'nlb', Dockerfile: 'docker/app/Dockerfile' },
] as const

describe('every service in compose.yaml', () => {
  it.each(Object.entries<Service>(services))('limits memory and processes: %s', (_name, { mem_limit, pids_limit }) => {
    expect({ memory: Number(mem_limit) > 0, processes: Number(pids_limit) > 0 }).toEqual({
      memory: true,
      processes: true,
    })
  })
})

describe.each(tiers)('the $name tier on AWS and in compose.yaml', ({ name, tier, service, balancer, Dockerfile }) => {
  const script = bootScript(tier)
  const value = (variable: string) => new RegExp(`^readonly ${variable}='(.*)'$`, 'm').exec(script)?.[1] ?? ''
  const values = (variable: string) => {
    const list = new RegExp(`^readonly ${variable}=\\((.*)\\)$`, 'm').exec(script)?.[1] ?? ''
    return [...list.matchAll(/'([^']*)'/g)].map(([, each = '']) => each)
  }
  const environment = Object.fromEntries(values('environment').map((each) => each.split(/=(.*)/).slice(0, 2)))
  const targets = aws.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier).Properties

  it('has the same Dockerfile, build context and target', () => {
    const { dockerFile, dockerBuildTarget, platform } = aws.image(service.build.dockerfile)
    expect({ dockerFile, dockerBuildTarget, platform }).toEqual({
      dockerFile: Dockerfile,
      dockerBuildTarget: service.build.target,
      platform: 'linux/arm64',
    })
    expect(service.build.context).toBe(repositoryRoot)
  })

  it('listens on the same port', () => {
    const exposed = setting(Dockerfile, /^EXPOSE (\d+)$/m)
    const balanced = setting(
      `docker/haproxy/${balancer}.cfg`,
      new RegExp(`^ *server-template ${name} \\d+ ${name}:(\\d+)$`, 'm'),
    )
    expect({ boot: Number(value('port')), targets: targets.Port }).toEqual({ boot: exposed, targets: balanced })
    if (service.environment.PORT) expect(Number(service.environment.PORT)).toBe(exposed)
  })

  it('has the same health check path', () => {
    const [, path] = /^ *http-check send meth GET uri (\S+) /m.exec(file(`docker/haproxy/${balancer}.cfg`)) ?? []
    expect({ boot: value('health_path'), targets: targets.HealthCheckPath }).toEqual({ boot: path, targets: path })
  })

  it('has the same environment, except for TLS and addresses', () => {
    const { DB_TLS_CA, BALANCER_NETWORKS, ...same } = environment
    const isAddress = /_ADDRESS$|_UPSTREAM$/
    expect(Object.keys(same).sort()).toEqual(Object.keys(service.environment).sort())
    for (const [variable, text] of Object.entries(service.environment)) {
      const host = (address: string) => address.replace(/^[^:]*/, 'host')
      if (isAddress.test(variable)) expect(host(same[variable])).toBe(host(text))
      else expect({ [variable]: same[variable] }).toEqual({ [variable]: text })
    }
    expect(DB_TLS_CA).toBe(name === 'app' ? 'amazon-rds' : undefined)
    // In Compose those of the container.
    expect(BALANCER_NETWORKS).toBe(name === 'web' ? '10.0.1.0/24,10.0.2.0/24' : undefined)
  })

  it('has the same restrictions', () => {
    const options = /local options=\(([\s\S]*?)\n {2}\)/.exec(script)?.[1] ?? ''
    const all = (option: string) => [...options.matchAll(new RegExp(`--${option} (\\S+)`, 'g'))].map(([, each]) => each)
    expect({
      read_only: /--read-only\b/.test(options),
      cap_drop: all('cap-drop'),
      security_opt: all('security-opt'),
      tmpfs: all('tmpfs'),
      stop: Number(value('stop_seconds')),
      memory: Number(/^(\d+)m$/.exec(value('memory'))?.[1]) * 1024 ** 2,
      processes: Number(value('processes')),
    }).toEqual({
      read_only: service.read_only,
      cap_drop: service.cap_drop,
      security_opt: service.security_opt,
      tmpfs: service.tmpfs,
      stop: seconds(service.stop_grace_period),
      memory: Number(service.mem_limit),
      processes: service.pids_limit,
    })
  })

  it('mounts its password at the same path, read-only', () => {
    const mounts = (service.volumes ?? []).map(
      ({ target, read_only }) => `target=${target}${read_only ? ',readonly' : ''}`,
    )
    const mounted = value('secret') ? [/type=bind,source=\$credentials,(\S+)"/.exec(script)?.[1]] : []
    expect(mounted).toEqual(mounts)
  })
})

describe('the load balancers on AWS and in compose.yaml', () => {
  const listener = (tier: 'Web' | 'App') => aws.one('AWS::ElasticLoadBalancingV2::Listener', tier).Properties.Port

  it('listen on the same ports', () => {
    expect({ alb: listener('Web'), nlb: listener('App') }).toEqual({
      alb: setting('docker/haproxy/alb.cfg', /^frontend alb\n {2}bind :(\d+)$/m),
      nlb: setting('docker/haproxy/nlb.cfg', /^frontend nlb\n {2}bind :(\d+)$/m),
    })
    expect(Number(services.web.environment.APP_UPSTREAM?.split(':')[1])).toBe(listener('App'))
  })
})

describe('the schema on AWS and in compose.yaml', () => {
  it('has the same database, table and users', () => {
    const { Database, Table } = aws.one('Custom::DatabaseSchema').Properties
    const users = aws
      .all('AWS::SecretsManager::Secret')
      .map(({ Properties }) => /"username":"(\w+)"/.exec(JSON.stringify(Properties).replaceAll('\\', ''))?.[1])
    const { DB_NAME, DB_TABLENAME, DB_USER, APP_DB_USER } = services['db-init'].environment
    expect({ Database, Table, users }).toEqual({
      Database: DB_NAME,
      Table: DB_TABLENAME,
      users: [DB_USER, APP_DB_USER],
    })
    expect(services.app.environment.DB_USER).toBe(APP_DB_USER)
  })
})

describe('the time budget', () => {
  const alb = aws.one('AWS::ElasticLoadBalancingV2::LoadBalancer', 'Web')
  const nlb = aws.one('AWS::ElasticLoadBalancingV2::Listener', 'App')
  const httpd = (pattern: RegExp) => setting('apps/web/httpd.conf', pattern)
  const milliseconds = (name: string) =>
    setting('apps/app/src/config.ts', new RegExp(`${name}: [\\s\\S]*?\\.default\\(([\\d_]+)\\)`)) / 1000
  const balancer = (name: string) => setting(`docker/haproxy/${name}.cfg`, /^ *timeout client (\d+)s$/m)
  const delay = (tier: string) =>
    attribute(
      aws.one('AWS::ElasticLoadBalancingV2::TargetGroup', tier),
      'TargetGroupAttributes',
      'deregistration_delay.timeout_seconds',
    )

  const albIdle = attribute(alb, 'LoadBalancerAttributes', 'idle_timeout.timeout_seconds')
  const nlbIdle = attribute(nlb, 'ListenerAttributes', 'tcp.idle_timeout.seconds')
  const stop = seconds(services.app.stop_grace_period)

  it('is the same for the load balancers of both', () => {
    expect({ albIdle, nlbIdle }).toEqual({ albIdle: balancer('alb'), nlbIdle: balancer('nlb') })
  })

  it.each([
    ['an idle client', { albIdle, apacheKeepAlive: httpd(/^KeepAliveTimeout (\d+)$/m) }],
    [
      'an idle connection to the app',
      {
        apacheTtl: httpd(/ ttl=(\d+) /),
        nodeKeepAlive: setting('apps/app/src/http/server.ts', /keepAliveTimeout: ([\d_]+)/) / 1000,
        nlbIdle,
      },
    ],
    [
      'an idle connection to the database',
      {
        pool: (1.5 * setting('packages/db/src/client/client.ts', /maxIdleMs = ([\d_]+)/)) / 1000,
        server: setting('packages/db/src/client/client.ts', /abandonedAfterSeconds = \{ idle: (\d+)/),
        promise: 60,
      },
    ],
    [
      'a request',
      {
        connect: milliseconds('DB_CONNECT_TIMEOUT_MS'),
        statement: milliseconds('DB_DEADLINE_MS'),
        apache: httpd(/ timeout=(\d+) /),
      },
    ],
    ['the end of the app', { drain: milliseconds('DRAIN_DEADLINE_MS'), stop, deregistration: delay('App') }],
    [
      'the end of Apache',
      {
        drain: httpd(/^GracefulShutdownTimeout (\d+)$/m) + setting('apps/web/serve.sh', /DRAIN_SECONDS[:=-]+(\d+)/),
        stop: seconds(services.web.stop_grace_period),
        deregistration: delay('Web'),
      },
    ],
  ])('increases for %s', (_for, budget) => {
    const inOrder = Object.fromEntries(Object.entries(budget).sort(([, a], [, b]) => a - b))
    expect(JSON.stringify(budget)).toBe(JSON.stringify(inOrder))
    expect(new Set(Object.values(budget)).size).toBe(Object.keys(budget).length)
  })
})
