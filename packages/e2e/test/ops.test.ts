import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify, stripVTControlCharacters } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const project = 'three-tier-test-ops'
const url = 'http://127.0.0.1:18086'
const env = { ...process.env, COMPOSE_PROJECT_NAME: project, WEB_PORT: '18086', DEBUG_PORT: '18087' }

/** A copy of the tree, since its source is changed. */
let tree: string
let dev: Command
const commands = new Set<ChildProcess>()

interface Command {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  output(): string
}

function start(script: string, args: readonly string[] = [], overrides: Record<string, string> = {}): Command {
  const path = join(tree, 'packages/ops/src', script)
  const child = spawn(process.execPath, [path, ...args], { env: { ...env, ...overrides } })
  commands.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return {
    child,
    exit: once(child, 'close').then(([code]) => code),
    output: () => stripVTControlCharacters(output),
  }
}

async function finish(command: Command): Promise<{ status: number | null; output: string }> {
  return { status: await command.exit, output: command.output() }
}

async function until(what: () => boolean | Promise<boolean>, withinMs: number, told: () => string): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms:\n${told()}`)
    await delay(100)
  }
}

const compose = (...args: string[]) =>
  run('docker', ['compose', '-f', 'compose.yaml', '-f', 'compose.dev.yaml', ...args], { cwd: tree, env })
const remove = () => compose('down', '--volumes', '--rmi', 'all', '--timeout', '0')

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'three-tier-dev-'))
  const left = new Set(['node_modules', '.git', '.turbo', '.setup', 'cdk.out'])
  await cp(repositoryRoot, tree, { recursive: true, filter: (path) => !left.has(basename(path)) })
  await symlink(join(repositoryRoot, 'node_modules'), join(tree, 'node_modules'))
  await remove()
  dev = start('dev.ts')
  const ended = dev.exit.then(() => {
    throw new Error(dev.output())
  })
  await Promise.race([ended, until(() => dev.output().includes('✓ http://localhost:18086'), 170_000, dev.output)])
  ended.catch(() => {})
})

afterAll(async () => {
  for (const child of commands) child.kill('SIGKILL')
  await remove()
  await rm(tree, { recursive: true })
})

/** The whole answer; none while the app is not there. */
async function ask(path: string, id = 'any'): Promise<string> {
  try {
    return await (await fetch(url + path, { headers: { 'X-Request-Id': id } })).text()
  } catch {
    return ''
  }
}
const answers = (path: string, pattern: RegExp) => until(async () => pattern.test(await ask(path)), 20_000, dev.output)

describe('npm run dev', { timeout: 90_000 }, () => {
  it('answers with what was saved, within seconds, also after a mistake', async () => {
    const file = join(tree, 'apps/app/src/resources/times/routes.ts')
    const source = await readFile(file, 'utf8')
    await writeFile(file, source.replace('Saved: ', 'Stored: '))
    await answers('/write', /^Stored: /)

    await writeFile(file, `${source}\n)`)
    await until(() => /SyntaxError/.test(dev.output()), 20_000, dev.output)
    await writeFile(file, source)
    await answers('/write', /^Saved: /)
  })

  it("follows the source of the database's package too", async () => {
    const file = join(tree, 'packages/db/src/client/connection.ts')
    const source = await readFile(file, 'utf8')
    const changed = source.replace(
      '<Result>(sql,',
      "<Result>(sql.replace('ORDER BY dt ', 'HAVING FALSE ORDER BY dt '),",
    )
    expect(changed).not.toBe(source)
    await writeFile(file, changed)
    await answers('/read', /^\[\]$/)
    await writeFile(file, source)
    await answers('/read', /^\[\n/)
  })

  it('has a debugger, on this machine only', async () => {
    const [debuggee] = (await (await fetch('http://127.0.0.1:18087/json/list')).json()) as [{ url: string }]
    expect(debuggee.url).toBe('file:///srv/apps/app/src/main.ts')
    expect((await compose('port', 'app', '9229')).stdout.trim()).toBe('127.0.0.1:18087')
  })

  it('shows the lines of all tiers', async () => {
    await ask('/write', 'shown')
    const shown = () =>
      dev
        .output()
        .split('\n')
        .filter((line) => line.includes('"shown"'))
    await until(() => shown().length === 3, 10_000, dev.output)
  })
})

describe('npm run status', { timeout: 60_000 }, () => {
  it('shows each box, its health, its rates and the lag', async () => {
    // The balancer may still remember the mistake above.
    await until(
      async () => !(await compose('ps')).stdout.includes('unhealthy'),
      20_000,
      () => 'a box stays unhealthy',
    )
    let over = false
    const load = (async () => {
      while (!over) await ask('/write')
    })()
    const { status, output } = await finish(start('status.ts'))
    over = true
    await load
    expect(status).toBe(0)
    expect(output).toContain('http://localhost:18086')
    expect(output).toMatch(/^ {2}alb-1 +up .*, healthy +[1-9]\S* +0 {2}2 healthy targets$/m)
    expect(output).toMatch(/^ {2}web-1 +up .*, healthy +[1-9]\S* +\d+ of 512 workers busy · rate with health checks$/m)
    expect(output).toMatch(/^ {2}web-2 +up .*, healthy/m)
    expect(output).toMatch(/^ {2}nlb-1 +up .*, healthy +1 healthy target · \d+ connections$/m)
    expect(output).toMatch(
      /^ {2}app-1 +up .*, healthy +[1-9]\S* +0 {2}\d+ saves waiting · \S+ a batch · \d to the writer · \d to the reader$/m,
    )
    expect(output).toMatch(/^ {2}db-writer-1 +up .*, healthy +1 reader acknowledges$/m)
    expect(output).toMatch(/^ {2}db-reader-1 +up .*, healthy +\d+ s behind the writer$/m)
  })

  it('shows what is stopped, and what is missing', async () => {
    await compose('stop', '--timeout', '1', 'db-reader')
    await compose('rm', '--stop', '--force', 'nlb')
    try {
      const { output } = await finish(start('status.ts'))
      expect(output).toMatch(/^ {2}db-reader-1 +exited/m)
      expect(output).toMatch(/^ {2}nlb +not there$/m)
      expect(output).toMatch(/^ {2}alb-1 .* 0 healthy targets$|^ {2}alb-1 .* 2 healthy targets$/m)
    } finally {
      await compose('up', '--detach', '--wait', 'nlb', 'db-reader')
    }
  })

  it('fails when nothing runs, and says what to do', async () => {
    const { status, output } = await finish(start('status.ts', [], { COMPOSE_PROJECT_NAME: `${project}-none` }))
    expect({ status, output }).toEqual({ status: 1, output: '✗ Nothing is running. `npm start` starts it.\n' })
  })
})

describe('npm run logs', { timeout: 60_000 }, () => {
  /** The instances that speak, in order. */
  const speakers = (output: string) => [...output.matchAll(/^\[[\d:.]+\] [A-Z]+: (\S+)-\d /gm)].map(([, box]) => box)

  it('follows one request through the tiers, in order', async () => {
    await ask('/write', 'past')
    await until(
      async () => (await compose('logs', 'app')).stdout.includes('"past"'),
      5000,
      () => 'the app wrote no line',
    )
    const { status, output } = await finish(start('logs.ts', ['--request', 'past', '--no-follow']))
    expect(status).toBe(0)
    expect(speakers(output)).toEqual(['alb', 'web', 'app'])
    expect(output).toMatch(/^\[[\d:.]+\] INFO: web-\d {7}GET \/write 200 in [\d.]+ ms \{"requestId":"past",/m)
  })

  it('waits for a request that is yet to come, and ends in order', async () => {
    const logs = start('logs.ts', ['--request', 'coming'])
    await until(
      async () => {
        await ask('/write', 'coming')
        return speakers(logs.output()).length >= 3
      },
      20_000,
      logs.output,
    )
    logs.child.kill('SIGINT')
    const { status, output } = await finish(logs)
    expect(status).toBe(0)
    expect(new Set(speakers(output))).toEqual(new Set(['alb', 'web', 'app']))
  })

  it('merges the lines of all boxes by time, and shows each once', async () => {
    await ask('/write', 'once')
    const logs = start('logs.ts', ['--tail', '50'])
    await until(() => (logs.output().match(/"once"/g) ?? []).length === 3, 20_000, logs.output)
    await ask('/write', 'more')
    await until(() => (logs.output().match(/"more"/g) ?? []).length === 3, 20_000, logs.output)
    logs.child.kill('SIGINT')
    const { output } = await finish(logs)
    expect(output.match(/"once"/g)).toHaveLength(3)
    const past = (await finish(start('logs.ts', ['--tail', '50', '--no-follow']))).output
    const times = [...past.matchAll(/^\[([\d:.]+)\]/gm)].map(([, time]) => String(time))
    expect(times.length).toBeGreaterThan(20)
    expect(times).toEqual(times.toSorted())
    expect(speakers(past)).toEqual(expect.arrayContaining(['alb', 'web', 'nlb', 'app', 'db-writer', 'db-reader']))
  })

  it.each([
    [['--requests', 'x'], "Unknown option '--requests'"],
    [['--request', 'two words'], '"two words" is no request id'],
    [['--request'], "Option '--request <value>' argument missing"],
    [['--tail', 'few'], '--tail takes a number or \'all\', not "few"'],
    [['apache'], 'There is no box "apache": alb, web, nlb, app, db-writer, db-reader, db-init, prometheus.'],
  ])('refuses %j', async (args, complaint) => {
    const { status, output } = await finish(start('logs.ts', args))
    expect(status).toBe(1)
    expect(output).toContain(complaint)
  })

  it('fails when there is nothing to have logs', async () => {
    const { status, output } = await finish(start('logs.ts', [], { COMPOSE_PROJECT_NAME: `${project}-none` }))
    expect({ status, output }).toEqual({
      status: 1,
      output: '✗ Nothing is there to have logs. `npm start` starts it.\n',
    })
  })
})

describe('Ctrl-C', () => {
  it('ends npm run dev and all it started, and keeps the data', { timeout: 60_000 }, async () => {
    dev.child.kill('SIGINT')
    expect(await dev.exit).toBe(0)
    const mine = ['--filter', `label=com.docker.compose.project=${project}`, '--quiet']
    expect((await run('docker', ['ps', '--all', ...mine])).stdout).toBe('')
    expect((await run('docker', ['network', 'ls', ...mine])).stdout).toBe('')
    expect((await run('docker', ['volume', 'ls', ...mine])).stdout).not.toBe('')
  })
})
