import type { Project, Topology } from '@repo/compose'
import type { Attempt } from './load.ts'
import { runInNetwork } from './network-client.ts'
import type { Workload } from './workload.ts'

/** A flood of requests of one kind. */
export interface FloodOptions {
  /** A read is the workload's slow one, each with another number. */
  readonly kind: Attempt['kind']
  /** Requests per second. */
  readonly rate: number
  /** The most requests in flight; further ones are sent late. */
  readonly inFlight: number
  readonly seconds: number
  /** The number of the first read. @default 0 */
  readonly first?: number
}

/** A flood as the client saw it. */
export interface Flood {
  readonly attempts: readonly Attempt[]
  /** CPU cores that generating it took, on average. */
  readonly cpuCores: number
}

/** Sends a flood to the ALB, on schedule whatever the outcomes, from inside the topology. */
export async function runFlood(
  topology: Pick<Project, 'containers'> & Pick<Topology, 'project'>,
  { name }: Pick<Workload, 'name'>,
  options: FloodOptions,
): Promise<Flood> {
  return JSON.parse(await runInNetwork(topology, 'alb-web', 'flood-client.ts', name, JSON.stringify(options)))
}
