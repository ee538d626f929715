import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8')
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/aws.md',
  'docs/make-it-yours.md',
  'docs/runbook.md',
  'docs/time-budget.md',
]

describe('the documents', () => {
  it.each(documents)('%s names only npm scripts that exist', (document) => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = [...read(document).matchAll(/\bnpm (?:run )?(start|stop|test|(?<=run )[a-z-]+)/g)].map(
      ([, name]) => name,
    )
    for (const name of named) expect(Object.keys(scripts)).toContain(name)
  })

  it('README.md shows every npm script that is meant for people', () => {
    const { scripts } = JSON.parse(read('package.json'))
    // `check` is a part of `npm test`, called by turbo.
    for (const name of Object.keys(scripts).filter((script) => script !== 'check')) {
      expect(read('README.md')).toMatch(new RegExp(`npm (run )?${name}\\b`))
    }
  })

  it.each(documents)('%s links only to files that exist', (document) => {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(existsSync(join(repositoryRoot, dirname(document), String(target))), target).toBe(true)
    }
  })

  it('README.md names only places that exist', () => {
    const table = read('README.md').split('## Layout')[1] ?? ''
    const places = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, place]) => String(place))
    expect(places.length).toBeGreaterThan(5)
    for (const place of places) expect(existsSync(join(repositoryRoot, place)), place).toBe(true)
  })
})

describe('the figures in README.md', () => {
  const rowsOf = (section: string) =>
    [...(read('README.md').split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '').matchAll(/^\| (.+) \|$/gm)]
      .map(([, row]) => String(row).split(' | '))
      .slice(2)
  // As staged or committed: whoever runs one of these commands gets figures of the own machine in the same file.
  const kept = (file: string) =>
    JSON.parse(execFileSync('git', ['show', `:${file}`], { cwd: repositoryRoot, encoding: 'utf8' }))

  it('on speed are those of the benchmark that is kept, a full one whose answers were right', () => {
    const bench = kept('packages/bench/results/latest.json')
    expect(bench).toMatchObject({ correct: true, about: { quick: false } })
    const rows = rowsOf('How fast it is')
    expect(rows.length).toBeGreaterThan(5)
    for (const [key = '', , , figure] of rows) {
      const [group = '', name = ''] = key.replaceAll('`', '').split('.')
      expect(figure, key).toBe(String(bench[group]?.[name]))
    }
  })

  it('on promises are those of the drills that are kept, all of them, none of which was broken', () => {
    const {
      checks: results,
    }: {
      checks: { drill: string; promise: string; bound: string; measured: string; ok: boolean }[]
    } = kept('packages/drills/results/latest.json')
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    const rows = rowsOf('What it promises')
    const drills = readdirSync(join(repositoryRoot, 'packages/drills/src/drills')).map((file) => basename(file, '.ts'))
    expect(new Set(['index', ...rows.map(([drill]) => drill?.replaceAll('`', ''))])).toEqual(new Set(drills))
    for (const [drill = '', promise = '', bound, measured] of rows) {
      const result = results.find((one) => `\`${one.drill}\`` === drill && one.promise === promise)
      expect([bound, measured], `${drill}: ${promise}`).toEqual([result?.bound, result?.measured.split(' (')[0]])
    }
  })
})

/** Seconds of the settings themselves, under the words of docs/time-budget.md. */
const settings: Record<string, { file: string; form: RegExp; unit?: number }> = {
  'ALB, idle': { file: 'docker/haproxy/alb.cfg', form: /timeout http-keep-alive (\d+)s/ },
  'Apache `KeepAliveTimeout`': { file: 'apps/web/httpd.conf', form: /^KeepAliveTimeout (\d+)/m },
  "Apache's proxy `ttl`": { file: 'apps/web/httpd.conf', form: /^ProxyPass .* ttl=(\d+)/m },
  "Node's keep-alive": { file: 'apps/app/src/http/server.ts', form: /keepAliveTimeout: ([\d_]+)/, unit: 1000 },
  'NLB, idle': { file: 'docker/haproxy/nlb.cfg', form: /timeout server (\d+)s/ },
  'connect to the database': {
    file: 'apps/app/src/config.ts',
    form: /DB_CONNECT_TIMEOUT_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  'an answer of the database, with all waiting': {
    file: 'apps/app/src/config.ts',
    form: /DB_DEADLINE_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  "Apache, for the app's next byte": { file: 'apps/web/httpd.conf', form: /^ProxyPass .* timeout=(\d+)/m },
  'unhealthy but serving, so that the balancers notice': {
    file: 'apps/app/src/config.ts',
    form: /DRAIN_DELAY_MS: [\s\S]*?default\(([\d_]+)\)/,
    unit: 1000,
  },
  "the app's deadline for requests in hand": {
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

  it('names every setting once', () => {
    expect(tables.flat().map(([, , what]) => what)).toEqual(Object.keys(settings))
  })

  it.each(tables.flat().map(([, seconds, what, file]) => [String(what), Number(seconds), String(file)] as const))(
    '%s is as written',
    (what, seconds, file) => {
      const setting = settings[what]
      expect(setting?.file).toBe(file)
      const [, value] = setting?.form.exec(read(file)) ?? []
      expect(Number(value?.replaceAll('_', '')) / (setting?.unit ?? 1)).toBe(seconds)
    },
  )

  it('is in order, from the first to give up to the last', () => {
    for (const rows of tables) {
      const seconds = rows.map(([, value]) => Number(value))
      expect(seconds).toEqual([...seconds].sort((a, b) => a - b))
      expect(new Set(seconds).size).toBe(seconds.length)
    }
  })
})

describe('package-lock.json', () => {
  it('holds no download addresses', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/)
  })
})

describe('.env.example', () => {
  it('names exactly the variables that Compose reads and does not set itself', () => {
    const inCompose = [...(read('compose.yaml') + read('compose.dev.yaml')).matchAll(/\$\{([A-Z_]+)/g)].map(
      ([, name]) => String(name),
    )
    const shown = [...read('.env.example').matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name]) => String(name))
    expect(new Set(shown)).toEqual(new Set(inCompose))
  })
})
