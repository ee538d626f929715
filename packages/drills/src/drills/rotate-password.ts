import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { services } from '../arena.ts'
import { atLeast, atMost, type Drill, failed, kept, outages } from '../drill.ts'

const connections = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app'"

/** The database's password changes, and a moment later the file that holds it. Connections are renewed meanwhile. */
export const rotatePassword: Drill = {
  name: 'rotate-password',
  async run(arena) {
    const { stack } = arena
    const ids = async () => (await stack.sql('db-writer', connections)).split('\n').filter(Boolean).map(Number)
    // What an app that was cut off left open stays with the server for hours. The override replaces every app.
    const ghosts = await ids()
    // Otherwise they last for a quarter of an hour, and nobody would need the new password here.
    await arena.override('services: { app: { environment: { DB_CONNECTION_MAX_LIFETIME_MS: 1000 } } }\n', 'app')
    const before = await arena.identities(services)
    const { attempts, result } = await arena.underLoad(async () => {
      const newestId = Math.max(...(await ids()))
      const password = randomBytes(18).toString('base64url')
      await stack.sql('db-writer', `ALTER USER app@'%' IDENTIFIED BY '${password}'`)
      await delay(300)
      const file = '/run/credentials/app/password'
      const write = `printf '%s\\n' "$1" >${file}.new && chmod 0444 ${file}.new && mv ${file}.new ${file}`
      await stack.exec('db-writer', ['bash', '-c', write, '-', password])
      await delay(5000)
      return { newestId, ids: await ids(), touched: before !== (await arena.identities(services)) }
    })
    await arena.override('', 'app')
    const left = result.ids.filter((id) => id <= result.newestId && !ghosts.includes(id))
    return [
      atMost('failed requests', 0, failed(attempts).length, '', outages(attempts)),
      atLeast('connections opened with the new password', 1, result.ids.filter((id) => id > result.newestId).length),
      atMost('connections left from before', 0, left.length),
      atMost('containers restarted', 0, Number(result.touched)),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}
