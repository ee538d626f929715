// Runs inside the topology, in a container of the app's image: `node flood-client.ts WORKLOAD OPTIONS`, the options
// being FloodOptions as JSON. Prints the outcomes as JSON, in the form of Flood.
import { setTimeout as delay } from 'node:timers/promises'
import type { Flood, FloodOptions } from './flood.ts'
import { startLoad } from './load.ts'
import { rawHttpClient } from './raw-http-client.ts'
import { workloads } from './workloads/index.ts'

const [name, json = ''] = process.argv.slice(2)
const workload = workloads.find((each) => each.name === name)
if (workload === undefined) throw new Error(`no such workload: ${name}`)
const { kind, rate, inFlight, seconds, first = 0 }: FloodOptions = JSON.parse(json)
let next = first
const load = startLoad({
  send: rawHttpClient('alb', 80, 10_000),
  workload: {
    ...workload,
    get newestPath() {
      next += 1
      return workload.summaryPath?.(next) ?? workload.listPath
    },
    listed: ({ status }) => (status === 200 ? [] : undefined),
  },
  writesPerSecond: kind === 'write' ? rate : 0,
  readsPerSecond: kind === 'read' ? rate : 0,
  inFlightLimit: inFlight,
})
await delay(seconds * 1000)
const { user, system } = process.cpuUsage()
const flood: Flood = { attempts: await load.stop(), cpuCores: (user + system) / 1000 / (seconds * 1000) }
process.stdout.write(JSON.stringify(flood), () => process.exit())
