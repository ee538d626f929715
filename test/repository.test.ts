import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8')
/** As staged or committed: a run of the drills or the benchmark overwrites the file in the checkout. */
const committed = (file: string) => JSON.parse(git('show', `:${file}`))

const tracked = git('ls-files')
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(repositoryRoot, file)))
const documents = tracked.filter((file) => file.endsWith('.md'))
const scripts: readonly string[] = Object.keys(JSON.parse(read('package.json')).scripts)

/** The rows of the tables in a section, as cells; without heads. */
function rowsOf(document: string, section: string): string[][] {
  const [, text = ''] = read(document).split(`${section}\n`)
  return [
    ...text
      .split(/^#/m)
      .slice(0, 1)
      .join('')
      .matchAll(/^\| (.+) \|$/gm),
  ]
    .map(([, row]) => String(row).split(' | '))
    .slice(2)
}

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

/** A check in the results of the drills. */
interface Check {
  readonly drill: string
  readonly promise: string
  readonly bound: string
  readonly measured: string
  readonly ok: boolean
}

describe('the figures in the documents', () => {
  const bench = committed('packages/bench/results/latest.json')
  const { checks }: { readonly checks: readonly Check[] } = committed('packages/drills/results/latest.json')
  const prose = read('README.md').replaceAll(/\s+/g, ' ')

  it('docs/performance.md has those of the committed benchmark, a full run with correct responses', () => {
    expect(bench).toMatchObject({ correct: true, about: { quick: false } })
    const rows = rowsOf('docs/performance.md', '## Benchmark')
    expect(rows.length).toBeGreaterThan(5)
    for (const [key = '', , , figure] of rows) {
      const [group = '', name = ''] = key.replaceAll('`', '').split('.')
      expect(figure, key).toBe(String(bench[group]?.[name]))
    }
  })

  it('README.md has those of the committed benchmark', () => {
    for (const text of [
      `${bench.write.vsFastify} times the writes per second of Fastify`,
      `${bench.read1k.vsFastify} times its reads of 1,000 rows`,
      `${(1 / bench.read1m.vsMysqlDump).toFixed(2)} times as long as \`mysql --quick\``,
      `${bench.read1m.rssGrowthMiB} MiB of memory`,
    ])
      expect(prose).toContain(text)
  })

  it('docs/drills.md has every drill, and those of the committed run, in which none broke a promise', () => {
    expect(checks.filter(({ ok }) => !ok)).toEqual([])
    const rows = rowsOf('docs/drills.md', '## Results')
    const names = readdirSync(join(repositoryRoot, 'packages/drills/src/drills')).map((file) => basename(file, '.ts'))
    const drillsOf = (table: readonly (readonly string[])[]) =>
      new Set(table.map(([drill]) => drill?.replaceAll('`', '')))
    expect(drillsOf(rowsOf('docs/drills.md', '## Faults')).add('index')).toEqual(new Set(names))
    expect(drillsOf(rows)).toEqual(new Set(checks.map(({ drill }) => drill)))
    for (const [drill = '', promise = '', bound, measured] of rows) {
      const result = checks.find((each) => `\`${each.drill}\`` === drill && each.promise === promise)
      expect([bound, measured], `${drill}: ${promise}`).toEqual([result?.bound, result?.measured.split(' (')[0]])
    }
  })

  it('README.md has the bounds of the committed drills', () => {
    const bound = (drill: string) =>
      checks.find((each) => each.drill === drill && each.promise.startsWith('recovery time'))?.bound.replace('≤ ', '')
    for (const text of [
      `loss of an instance the service recovers within ${bound('kill-app')}`,
      `a writer's restart within ${bound('crash-writer')}`,
      `a failover within ${bound('failover')}`,
    ])
      expect(prose).toContain(text)
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
    const perEndpoint = [...client.matchAll(/^const (?:slowReadOptions = \{ limit: |checkConnections = )(\d+)/gm)].map(
      ([, limit]) => limit,
    )
    expect(perEndpoint).toHaveLength(2)
    expect(configured).toHaveLength(3)
    const numbers = [...configured.map(([, limit]) => limit), ...perEndpoint, ...perEndpoint].map(Number)
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

  it('contains no download addresses', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/)
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
