import { waitFor } from '@repo/compose'
import { workloads } from '@repo/drills/workloads/index.ts'
import { describe, expect, it } from 'vitest'
import { startCommand } from './command.ts'
import { countRows, describeResource, resource } from './resource.ts'
import { restoreTopology, topology } from './topology.ts'

const address = topology.url.replace('127.0.0.1', 'localhost')
const env = { ...topology.env, COMPOSE_PROJECT_NAME: topology.project }
const start = (script: string, args: readonly string[] = [], overrides: Record<string, string> = {}) =>
  startCommand(script, args, { env: { ...env, ...overrides } })

const send = async (path: string, requestId = 'any') => {
  const response = await fetch(topology.url + path, { headers: { 'X-Request-Id': requestId } })
  return response.text()
}

describe('npm run status', () => {
  it('shows each service, its health, its rates and the replica lag', async () => {
    let done = false
    const load = (async () => {
      while (!done) await send('/status')
    })()
    const { code, output } = await start('status.ts').result()
    done = true
    await load
    expect(code).toBe(0)
    expect(output).toContain(address)
    for (const line of [
      /^ {2}alb-1 +up .*, healthy +[1-9]\S* +0 {2}2 healthy targets$/m,
      /^ {2}web-\d+ +up .*, healthy +[1-9]\S* +\d+ of 896 workers busy · rate includes health checks$/m,
      /^ {2}nlb-1 +up .*, healthy +2 healthy targets · \d+ connections?$/m,
      /^ {2}app-\d+ +up .*, healthy +[1-9]\S* +0 {2}(\d+ writes? queued · (\S+ per batch · )?)?\d writer connections? · \d reader connections?$/m,
      /^ {2}db-writer-1 +up .*, healthy +current writer, epoch \d+ · writes are on two machines · \d+ transactions? on one since its start$/m,
      /^ {2}db-reader-1 +up .*, healthy +replica · replica lag \d+ s$/m,
    ]) {
      expect(output).toMatch(line)
    }
  })

  it('shows stopped and missing services', async () => {
    await topology.compose('stop', '--timeout', '1', 'db-reader', 'nlb')
    await topology.compose('rm', '--force', 'nlb')
    try {
      const { output } = await start('status.ts').result()
      expect(output).toMatch(/^ {2}db-reader-1 +exited/m)
      expect(output).toMatch(/^ {2}nlb +missing$/m)
      expect(output).toMatch(/^ {2}alb-1 .* [02] healthy targets$/m)
    } finally {
      await restoreTopology()
    }
  })

  it('fails when nothing runs, with the command that starts it', async () => {
    expect(await start('status.ts', [], { COMPOSE_PROJECT_NAME: `${topology.project}-none` }).result()).toEqual({
      code: 1,
      output: '✗ No containers found. `npm start` starts the topology.\n',
    })
  })
})

describeResource('npm run seed', () => {
  const seed = (...args: string[]) => start('../../drills/src/seed.ts', args).result()

  it('inserts rows of a resource', async () => {
    const before = await countRows('db-writer')
    const { code, output } = await seed(resource().name, '5000')
    expect(output).toMatch(/^✓ 5,000 rows of \S+ in \d+\.\d s: [\d,]+ rows\/s$/m)
    expect([code, await countRows('db-writer')]).toEqual([0, before + 5000])
  })

  it.each([
    [[], 'Usage: npm run seed -- RESOURCE COUNT\n  Resources: '],
    [['nothing', '5'], "Unknown resource 'nothing'. Known: "],
    [[workloads[0]?.name ?? '', '0'], "Invalid count '0'"],
    [[workloads[0]?.name ?? '', '1e3'], "Invalid count '1e3'"],
  ])('refuses %j: %s', async (args, message) => {
    const { code, output } = await seed(...args)
    expect([code, output]).toEqual([1, expect.stringContaining(message)])
  })
})

describe('npm run logs', () => {
  /** The service of each printed line, in order. */
  const servicesIn = (output: string) =>
    [...output.matchAll(/^\[[\d:.]+\] [A-Z]+: (\S+)-\d /gm)].map(([, service]) => service)
  const tiers = ['alb', 'web', 'app']

  it('shows the lines of one request in the order of the tiers', async () => {
    await send('/status', 'past')
    await waitFor("the app's line", async () => (await topology.logs('app')).includes('"past"'))
    const { code, output } = await start('logs.ts', ['--request', 'past', '--no-follow']).result()
    expect(code).toBe(0)
    expect(servicesIn(output)).toEqual(tiers)
    expect(output).toMatch(/^\[[\d:.]+\] INFO: web-\d {7}GET \/status 200 in [\d.]+ ms \{"requestId":"past",/m)
  })

  it('follows the lines of a request until Ctrl-C', async () => {
    const logs = start('logs.ts', ['--request', 'next'])
    await waitFor('three lines of the request', async () => {
      await send('/status', 'next')
      return servicesIn(logs.output()).length >= 3
    })
    logs.child.kill('SIGINT')
    const { code, output } = await logs.result()
    expect(code).toBe(0)
    expect(new Set(servicesIn(output))).toEqual(new Set(tiers))
  })

  it('merges the lines of all services by time, and shows each once', async () => {
    await send('/status', 'once')
    const logs = start('logs.ts', ['--tail', '50'])
    const count = (requestId: string) => logs.output().split(`"${requestId}"`).length - 1
    await waitFor('the past lines', () => count('once') === 3)
    await send('/status', 'more')
    await waitFor('the new lines', () => count('more') === 3)
    logs.child.kill('SIGINT')
    await logs.result()
    expect(count('once')).toBe(3)
    const past = (await start('logs.ts', ['--tail', '50', '--no-follow']).result()).output
    const times = [...past.matchAll(/^\[([\d:.]+)\]/gm)].map(([, time]) => String(time))
    expect(times.length).toBeGreaterThan(20)
    // A line shows no date: what is earlier than the first one is of the next day.
    const [first = ''] = times
    const ordered = times.toSorted((a, b) => Number(a < first) - Number(b < first) || (a < b ? -1 : 1))
    expect(times).toEqual(ordered)
    expect(servicesIn(past)).toEqual(expect.arrayContaining(['alb', 'web', 'nlb', 'app', 'db-writer', 'db-reader']))
  })

  it.each([
    [['--requests', 'x'], "Unknown option '--requests'"],
    [['--request', 'two words'], 'Invalid request id "two words"'],
    [['--request'], "Option '--request <value>' argument missing"],
    [['--tail', 'few'], 'Invalid --tail "few": expected a number or \'all\'.'],
    [['apache'], 'Unknown service "apache": expected alb, web, nlb, app, db-writer, db-reader, db-init, prometheus.'],
  ])('refuses %j', async (args, message) => {
    const { code, output } = await start('logs.ts', args).result()
    expect(code).toBe(1)
    expect(output).toContain(message)
  })

  it('fails when there are no containers, with the command that starts them', async () => {
    expect(await start('logs.ts', [], { COMPOSE_PROJECT_NAME: `${topology.project}-none` }).result()).toEqual({
      code: 1,
      output: '✗ No containers found. `npm start` starts the topology.\n',
    })
  })
})
