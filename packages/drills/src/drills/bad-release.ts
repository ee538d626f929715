import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitFor } from '@repo/compose'
import { atMost, type Check, type Drill, durabilityChecks, failed, outages, within, yes } from '../drill.ts'
import type { Attempt } from '../load.ts'
import type { TestEnvironment } from '../test-environment.ts'

// Loaded into the app before its own modules: every request but the health check is answered with 500.
const failingModule = `import { Server } from 'node:http'
const { emit } = Server.prototype
Server.prototype.emit = function (event, ...args) {
  const [request, response] = args
  if (event !== 'request' || request.url === '/healthz') return emit.call(this, event, ...args)
  response.writeHead(500).end()
  return true
}
`

const pathInContainer = '/srv/failing.mjs'

/** In per cent: one of three instances, with a margin because there are few requests in a second. */
const largestShare = 45

/** Releases whose health check succeeds and whose requests fail: stopped and rolled back by the command. */
export const badRelease: Drill = {
  name: 'bad-release',
  async run(environment) {
    const module = join(environment.folder, 'failing.mjs')
    await writeFile(module, failingModule)
    await chmod(module, 0o644)
    const app = {
      environment: { NODE_OPTIONS: `--import=file://${pathInContainer}` },
      volumes: [`${module}:${pathInContainer}:ro`],
    }
    // No service listens there.
    const web = { environment: { APP_UPSTREAM: 'nlb:1' } }
    const first = await deploy(environment, 'app', app)
    const second = await deploy(environment, 'web', web)
    const durability = await environment.verifyDurability([...first.attempts, ...second.attempts])
    return [...first.checks, ...second.checks, ...durabilityChecks(durability)]
  },
}

/** Deploys a release of one service under load. */
async function deploy(
  environment: TestEnvironment,
  service: 'app' | 'web',
  settings: object,
): Promise<{ attempts: readonly Attempt[]; checks: Check[] }> {
  const { topology } = environment
  const old = await topology.containers(service)
  const before = await environment.identities(['app', 'web'])
  const { attempts, result } = await environment.underLoad(async () => {
    await environment.override(JSON.stringify({ services: { [service]: settings } }))
    let ended = false
    const deployment = environment.operate('deploy').finally(() => {
      ended = true
    })
    const isAdded = async () => ended || (await topology.containers(service)).some((id) => !old.includes(id))
    await waitFor('a container of the release', isAdded, { intervalMs: 250 })
    const addedAt = Date.now()
    const { code, output } = await deployment
    return { code, output, seconds: (Date.now() - addedAt) / 1000 }
  })
  await environment.override('')
  const { code, output, seconds } = result
  const end = `exit ${code}: ${output.trim().split('\n').slice(-4).join(' ')}`
  const checks = [
    yes('the release is rolled back', code === 1 && output.includes('The previous one serves.'), end),
    yes('the message has the failed requests', /\d+ of \d+ (reads|responses)/.test(output), end),
    within('time from the start of its container to the end of the rollback', 30, seconds),
    atMost('failed requests while there are any', largestShare, failedShare(attempts), '%', outages(attempts)),
    yes('the same containers serve as before', before === (await environment.identities(['app', 'web']))),
  ]
  return { attempts, checks: checks.map((check) => ({ ...check, promise: `${service}: ${check.promise}` })) }
}

/** In per cent, from the first failure to the last; at least a second, since both ends are failures. */
function failedShare(attempts: readonly Attempt[]): number {
  const times = failed(attempts).map(({ sentAt }) => sentAt)
  const from = Math.min(...times)
  const to = Math.max(from + 1000, ...times)
  const sent = attempts.filter(({ sentAt }) => sentAt >= from && sentAt <= to)
  return times.length === 0 ? 0 : (100 * times.length) / sent.length
}
