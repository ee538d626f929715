import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { read, rowsOf } from './documents.ts'

const tracked = git('ls-files')
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(repositoryRoot, file)))
const documents = tracked.filter((file) => file.endsWith('.md'))
const scripts: readonly string[] = Object.keys(JSON.parse(read('package.json')).scripts)

describe('the documents', () => {
  it.each(documents)('%s names only npm scripts that exist', (document) => {
    const named = [...read(document).matchAll(/\bnpm (?:run )?(start|stop|test|(?<=run )[a-z:-]+)/g)].map(
      ([, name]) => name,
    )
    for (const name of named) expect(scripts).toContain(name)
  })

  it('README.md shows every npm script', () => {
    const commands = rowsOf('README.md', '## Commands').map(([command]) => command)
    const shown = commands.join().matchAll(/`(?:npm (?:run )?)?([a-z:0-9-]+)`/g)
    expect(new Set(scripts)).toEqual(new Set([...shown].map(([, name]) => name)))
  })

  it.each(documents)('%s links only to files that exist', (document) => {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(existsSync(join(repositoryRoot, dirname(document), String(target))), target).toBe(true)
    }
  })

  it('are named only where they exist', () => {
    for (const file of tracked.filter((name) => !/(^package-lock\.json|\.(png|svg))$/.test(name))) {
      for (const [path] of read(file).matchAll(/\bdocs\/[\w/-]+\.(md|png|svg)\b/g)) {
        expect(existsSync(join(repositoryRoot, path)), `${file}: ${path}`).toBe(true)
      }
    }
  })

  it('README.md names only places that exist', () => {
    const places = rowsOf('README.md', '## Layout').map(([place = '']) => place.replaceAll('`', ''))
    expect(places.length).toBeGreaterThan(5)
    for (const place of places) expect(existsSync(join(repositoryRoot, place)), place).toBe(true)
  })
})

describe('docs/drills.md', () => {
  it('has every drill', () => {
    const files = readdirSync(join(repositoryRoot, 'packages/drills/src/drills'))
    const names = files.map((file) => basename(file, '.ts')).filter((name) => name !== 'index')
    const rows = rowsOf('docs/drills.md', '## Faults').map(([drill]) => drill?.replaceAll('`', ''))
    expect(new Set(rows)).toEqual(new Set(names))
  })
})

describe('the decisions', () => {
  const folder = 'docs/decisions'
  const records = documents.filter((file) => /^docs\/decisions\/\d/.test(file)).map((file) => basename(file))

  it.each(records)('%s has a title with its number, a status with its date, and the sections', (file) => {
    const text = read(join(folder, file))
    expect(text).toMatch(
      new RegExp(`^# ${Number(file.slice(0, 4))}\\. .*\\n\\n(Accepted|Superseded by .*), \\d{4}-\\d\\d-\\d\\d`),
    )
    expect(text.match(/^## .*$/gm)).toEqual(['## Context', '## Decision', '## Consequences'])
  })

  it('are all in the index, with title, status and date', () => {
    const index = read(join(folder, 'README.md')).match(/^\| \d+ \|.*$/gm) ?? []
    const expected = records.map((file) => {
      const [title, , status] = read(join(folder, file)).split('\n')
      const [, number, name] = /^# (\d+)\. (.*)$/.exec(String(title)) ?? []
      const [, state, date] = /^(Accepted|Superseded by \[\d+\]\(.*?\)), ([\d-]+)/.exec(String(status)) ?? []
      return `| ${number} | [${name}](${file}) | ${state?.toLowerCase()} | ${date} |`
    })
    expect(index.sort()).toEqual(expected.sort())
  })
})

/** Where each setting of docs/time-budget.md is, and its unit in milliseconds. */
const settings: Record<string, { file: string; form: RegExp; unit?: number }> = {
  'ALB, idle': { file: 'docker/haproxy/alb.cfg', form: /timeout http-keep-alive (\d+)s/ },
  'Apache `KeepAliveTimeout`': { file: 'apps/web/httpd.conf', form: /^KeepAliveTimeout (\d+)/m },
  "Apache's proxy `ttl`": { file: 'apps/web/httpd.conf', form: /^Define APP_WORKER .* ttl=(\d+)/m },
  "Node's keep-alive": { file: 'apps/app/src/http/server.ts', form: /keepAliveTimeout: ([\d_]+)/, unit: 1000 },
  'NLB, idle': { file: 'docker/haproxy/nlb.cfg', form: /timeout server (\d+)s/ },
  "the app's idle database connections, checked every 10 s": {
    file: 'packages/db/src/client/client.ts',
    form: /maxIdleMs = ([\d_]+)/,
    unit: 1000,
  },
  "the server's `wait_timeout` for these connections": {
    file: 'packages/db/src/client/client.ts',
    form: /abandonedAfterSeconds = \{ idle: (\d+)/,
  },
  'connect to the database': {
    file: 'apps/app/src/config.ts',
    form: /DB_CONNECT_TIMEOUT_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  'response of the database, including all waiting': {
    file: 'apps/app/src/config.ts',
    form: /DB_DEADLINE_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  'Apache, next byte of the app': { file: 'apps/web/httpd.conf', form: /^Define APP_WORKER .* timeout=(\d+)/m },
  'Apache, the body of a request': { file: 'apps/web/httpd.conf', form: /^RequestReadTimeout .* body=\d+-(\d+)/m },
  "Node's `requestTimeout`, checked every 30 s": {
    file: 'apps/app/src/http/server.ts',
    form: /requestTimeout: ([\d_]+)/,
    unit: 1000,
  },
  'failing health checks while serving, so that load balancers react': {
    file: 'apps/app/src/config.ts',
    form: /DRAIN_DELAY_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  "the app's deadline for requests in flight": {
    file: 'apps/app/src/config.ts',
    form: /DRAIN_DEADLINE_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  '`stop_grace_period`': { file: 'compose.yaml', form: /stop_grace_period: (\d+)s/ },
}

describe('the time budget', () => {
  const tables = read('docs/time-budget.md')
    .split(/\n\n/)
    .map((block) => [...block.matchAll(/^\| ([\d.]+) \| (.+?) \| `(.+?)` \|$/gm)])
    .filter((rows) => rows.length > 0)

  it('names each setting once', () => {
    expect(tables.flat().map(([, , what]) => what)).toEqual(Object.keys(settings))
  })

  it.each(tables.flat().map(([, seconds, what, file]) => [String(what), Number(seconds), String(file)] as const))(
    '%s is as documented',
    (what, seconds, file) => {
      const setting = settings[what]
      expect(setting?.file).toBe(file)
      const [, value] = setting?.form.exec(read(file)) ?? []
      expect(Number(value?.replaceAll('_', '')) / (setting?.unit ?? 1)).toBe(seconds)
    },
  )

  it('is in ascending order', () => {
    for (const rows of tables) {
      const seconds = rows.map(([, value]) => Number(value))
      expect(seconds).toEqual([...seconds].sort((a, b) => a - b))
      expect(new Set(seconds).size).toBe(seconds.length)
    }
  })
})

describe('the connections that one app instance opens', () => {
  it('are as the alarm and the documents have them', () => {
    const configured = [
      ...read('apps/app/src/config.ts').matchAll(/DB_\w+_CONNECTIONS: [^,]*,[^d]*\.default\((\d+)\)/g),
    ]
    const client = read('packages/db/src/client/client.ts')
    const [, checks] = /^const checkConnections = (\d+)/m.exec(client) ?? []
    expect(configured).toHaveLength(3)
    const numbers = [...configured.map(([, limit]) => limit), checks, checks].map(Number)
    const total = numbers.reduce((sum, number) => sum + number)
    expect(read('infra/lib/operations.ts')).toContain(`connectionsPerInstance = ${total}\n`)
    expect(read('docs/runbook.md')).toContain(`(\`maxInstances\` × ${total})`)
    expect(read('docker/mysql/my.cnf')).toContain(`(${total})`)
  })
})

describe('package-lock.json', () => {
  it('has the Node of every platform with its checksum, of one version, so that no package has to run a script', () => {
    const { optionalDependencies, devDependencies } = JSON.parse(read('package.json'))
    const { packages } = JSON.parse(read('package-lock.json'))
    expect(devDependencies).not.toHaveProperty('node')
    const platforms = Object.keys(optionalDependencies).map((name) => {
      const { version, optional, os, cpu, bin, integrity } = packages[`node_modules/${name}`]
      expect({ version, optional, bin }, name).toEqual({
        version: process.versions.node,
        optional: true,
        bin: { node: 'bin/node' },
      })
      expect(integrity, name).toMatch(/^sha512-/)
      return `${os} ${cpu}`
    })
    expect(platforms.sort()).toEqual(['darwin arm64', 'darwin x64', 'linux arm64', 'linux x64'])
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m)
  })

  it('has what is compiled for every platform', () => {
    type Package = Readonly<Record<'optionalDependencies' | 'os' | 'cpu', object | undefined>>
    const packages: Readonly<Record<string, Package>> = JSON.parse(read('package-lock.json')).packages
    let compiled = 0
    for (const [name, { optionalDependencies = {} }] of Object.entries(packages)) {
      const platforms = Object.keys(optionalDependencies).map((dependency) => {
        const { os, cpu } =
          packages[`${name}/node_modules/${dependency}`] ?? packages[`node_modules/${dependency}`] ?? {}
        return `${os} ${cpu}`
      })
      if (!platforms.includes('linux x64')) continue
      compiled += 1
      expect(platforms, name).toEqual(expect.arrayContaining(['darwin arm64', 'darwin x64', 'linux arm64']))
    }
    expect(compiled).toBeGreaterThan(3)
  })

  it('contains no download addresses', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/)
  })
})

describe('what depends on the architecture', () => {
  it('names arm64 wherever it names x86-64', () => {
    const others = ['*test/*', 'docs/decisions', 'package-lock.json', '*/results/*'].map((path) => `:!${path}`)
    const files = git('grep', '-lIE', 'x86_64|amd64|AMD64|linux-x64', '--', ...others)
      .trimEnd()
      .split('\n')
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) expect(read(file), file).toMatch(/arm64|aarch64/)
  })
})

describe('compose.yaml', () => {
  const [extensions = '', services = ''] = read('compose.yaml').split('\nservices:\n')

  it('builds every image at each `docker compose up`, so that it runs the source as it is', () => {
    expect(extensions).toMatch(/^x-hardened: &hardened\n(?: .*\n)*? {2}pull_policy: \$\{PULL_POLICY:-build\}\n/m)
    expect(extensions).toMatch(/^x-balancer: &balancer\n {2}<<: \*hardened\n/m)
    expect(extensions).toMatch(/^x-database: &database\n {2}<<: \*hardened\n/m)
    const [listed = ''] = services.split('\nnetworks:\n')
    for (const service of listed.split(/^ {2}(?=[a-z-]+:\n)/m).slice(1)) {
      expect(service).toMatch(/^[a-z-]+:\n {4}<<: \*(hardened|balancer|database)\n/)
    }
  })

  it('publishes every port on this machine alone, unless a setting opens it', () => {
    const published = [services, read('compose.dev.yaml')].flatMap((text) => [
      ...text.matchAll(/^ *ports: \['(.*?):\$/gm),
    ])
    const [alb, ...others] = published.map(([, address]) => address)
    expect(alb).toMatch(/^\$\{WEB_ADDRESS:-127\.0\.0\.1\}$/)
    expect(others).toEqual(['127.0.0.1', '127.0.0.1'])
  })
})

describe('.env.example', () => {
  it('lists exactly the variables that Compose reads from the environment', () => {
    const inCompose = [...(read('compose.yaml') + read('compose.dev.yaml')).matchAll(/\$\{([A-Z_]+)/g)].map(
      ([, name]) => String(name),
    )
    // Read by Compose itself.
    inCompose.push('COMPOSE_PROJECT_NAME')
    const shown = [...read('.env.example').matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name]) => String(name))
    expect(new Set(shown)).toEqual(new Set(inCompose))
  })
})
