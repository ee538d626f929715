// Runs inside the topology, in a container of the app's image:
// `node flood-client.ts WORKLOAD HOST:PORT RATE IN_FLIGHT MS`.
// Sends writes only; prints their outcomes as JSON, in the form of Flood.
import { setTimeout as delay } from 'node:timers/promises'
import { type Attempt, startLoad } from './load.ts'
import { rawHttpClient } from './raw-http-client.ts'
import { workloads } from './workloads/index.ts'

/** A flood of writes as the client saw it. */
export interface Flood {
  readonly attempts: readonly Attempt[]
  /** CPU cores that generating it took, on average. */
  readonly cpuCores: number
}

const [name, target = '', rate, inFlight, ms] = process.argv.slice(2)
const workload = workloads.find((each) => each.name === name)
if (workload === undefined) throw new Error(`no such workload: ${name}`)
const [host = '', port] = target.split(':')
const load = startLoad({
  send: rawHttpClient(host, Number(port), 10_000),
  workload,
  writesPerSecond: Number(rate),
  readsPerSecond: 0,
  inFlightLimit: Number(inFlight),
})
await delay(Number(ms))
const { user, system } = process.cpuUsage()
const flood: Flood = { attempts: await load.stop(), cpuCores: (user + system) / 1000 / Number(ms) }
process.stdout.write(JSON.stringify(flood), () => process.exit())
