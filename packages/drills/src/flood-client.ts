// Runs inside the topology, in a container of the app's image: `node flood-client.ts HOST:PORT RATE IN_FLIGHT MS`.
// Sends writes alone; prints what became of them as JSON, in the form of Flood.
import { setTimeout as delay } from 'node:timers/promises'
import { leanClient } from './lean-client.ts'
import { type Attempt, startLoad } from './load.ts'

/** A flood of writes as the client saw it. */
export interface Flood {
  readonly attempts: readonly Attempt[]
  /** Processor seconds that making it took, a second. */
  readonly processors: number
}

const [target = '', rate, inFlight, ms] = process.argv.slice(2)
const [host = '', port] = target.split(':')
const load = startLoad({
  ask: leanClient(host, Number(port), 10_000),
  writesPerSecond: Number(rate),
  readsPerSecond: 0,
  inFlightLimit: Number(inFlight),
})
await delay(Number(ms))
const { user, system } = process.cpuUsage()
const flood: Flood = { attempts: await load.stop(), processors: (user + system) / 1000 / Number(ms) }
process.stdout.write(JSON.stringify(flood), () => process.exit())
