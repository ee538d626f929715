import { randomBytes } from 'node:crypto'
import { services, waitFor } from '@repo/compose'
import { atLeast, atMost, type Drill, durabilityChecks, noFailures } from '../drill.ts'

const connections = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app'"

/** The database password changes, and 300 ms later the file that holds it. Connections are renewed meanwhile. */
export const rotatePassword: Drill = {
  name: 'rotate-password',
  async run(environment) {
    const { topology } = environment
    const connectionIds = async () =>
      (await topology.sql('db-writer', connections)).split('\n').filter(Boolean).map(Number)
    // With the default of a quarter of an hour no connection would need the new password during the drill.
    await environment.override('services: { app: { environment: { DB_CONNECTION_MAX_LIFETIME_MS: 1000 } } }\n', 'app')
    const before = await environment.identities(services)
    const { attempts, result } = await environment.underLoad(async () => {
      const newestId = Math.max(...(await connectionIds()))
      const password = randomBytes(18).toString('base64url')
      // In one command: the time to start a second one would add to the 300 ms.
      const file = '/run/credentials/app/password'
      const rotate = `printf '%s\\n' "$1" >${file}.new && chmod 0444 ${file}.new
        mysql -e "ALTER USER app@'%' IDENTIFIED BY '$1'" && sleep 0.3 && mv ${file}.new ${file}`
      await topology.exec('db-writer', ['bash', '-euc', rotate, '-', password])
      async function split() {
        const ids = await connectionIds()
        return { opened: ids.filter((id) => id > newestId), left: ids.filter((id) => id <= newestId) }
      }
      const replaced = async () => {
        const { opened, left } = await split()
        return opened.length > 0 && left.length === 0
      }
      // The checks below say what is missing if this does not happen.
      await waitFor('every connection is replaced', replaced, { timeoutMs: 120_000 }).catch(() => {})
      return { ...(await split()), changed: before !== (await environment.identities(services)) }
    })
    await environment.override('', 'app')
    return [
      noFailures('failed requests', attempts),
      atLeast('connections opened with the new password', 1, result.opened.length),
      atMost('connections left with the old password', 0, result.left.length),
      atMost('containers restarted', 0, Number(result.changed)),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}
