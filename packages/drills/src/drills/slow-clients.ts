import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../arena.ts'
import { atLeast, atMost, type Drill, failed, kept, outages } from '../drill.ts'
import { gauge } from '../gauge.ts'

const million = `
  SET SESSION cte_max_recursion_depth = 1000000;
  INSERT INTO testdb.testtable (dt)
    WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
    SELECT TIMESTAMPADD(SECOND, i, '2020-01-01') FROM n`

const busy = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app' AND COMMAND = 'Query'"

/** A hundred clients ask for a million rows and take none; two hundred never get to the end of their headers. */
export const slowClients: Drill = {
  name: 'slow-clients',
  async run(arena) {
    const { stack } = arena
    await stack.sql('db-writer', million)
    const newest = () => stack.sql('db-reader', 'SELECT COUNT(*) >= 1000000 FROM testdb.testtable')
    await until('the reader has the rows', async () => (await newest()) === '1')
    // So that the growth is not that of a process that has only just begun to work.
    for (let i = 0; i < 6; i += 1) await (await fetch(`${stack.url}/read`)).arrayBuffer()
    const before = await gauge(arena, 'app')
    const stalled = await Promise.all(Array.from({ length: 100 }, () => stall(stack.url)))
    const drips = Array.from({ length: 200 }, () => drip(stack.url))
    try {
      // First what lies between fills: some megabytes for each of them, in the sockets of five containers.
      let underWay = Number.POSITIVE_INFINITY
      for (let look = 0; look < 30 && underWay > 0; look += 1) {
        await delay(1000)
        underWay = Number(await stack.sql('db-reader', busy)) + Number(await stack.sql('db-writer', busy))
      }
      const open = stalled.filter((socket) => !socket.destroyed).length
      const { attempts } = await arena.underLoad(() => delay(5000))
      const after = await gauge(arena, 'app')
      const growth = Math.max(...after.map(({ mib }, at) => mib - (before[at]?.mib ?? 0)))
      return [
        atLeast('stalled readers that are still there', 90, open),
        atMost('statements under way for them, after at most 30 s', 0, underWay),
        atMost('growth of an app instance', 64, growth, 'MiB'),
        atMost("other clients' failed requests", 0, failed(attempts).length, '', outages(attempts)),
        ...kept(await arena.verdict(attempts)),
      ]
    } finally {
      for (const socket of [...stalled, ...drips]) socket.destroy()
      await stack.sql('db-writer', 'TRUNCATE testdb.testtable')
    }
  },
}

/** Asks for the whole list and takes only its beginning. */
function stall(url: string): Promise<Socket> {
  const socket = open(url)
  socket.write('GET /read HTTP/1.1\r\nHost: three-tier\r\n\r\n')
  return new Promise((resolve) => {
    socket.once('close', () => resolve(socket))
    socket.once('data', () => resolve(socket.pause()))
  })
}

/** Sends a header, a byte a second, for as long as it is let. */
function drip(url: string): Socket {
  const socket = open(url)
  socket.write('GET /read HTTP/1.1\r\nHost: three-tier\r\nX-Slow: ')
  const timer = setInterval(() => socket.write('a'), 1000)
  return socket.once('close', () => clearInterval(timer))
}

function open(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname).on('error', () => {})
}
