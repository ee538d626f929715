import { attachTopology, type TopologyReference, waitFor } from '@repo/compose'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    topology: TopologyReference
  }
}

/** The topology that global-setup.ts opened. A file that stops, scales or breaks a part calls {@link restoreTopology}. */
export const topology = attachTopology(inject('topology'))

/** False if the topology is a light one. */
export const hasReader = !topology.env.COMPOSE_FILE?.includes('compose.light.yaml')

/** The databases that it has. */
export const databases: readonly string[] = hasReader ? ['db-writer', 'db-reader'] : ['db-writer']

/** Starts every service again, and waits until requests succeed. */
export async function restoreTopology(): Promise<void> {
  // The containers that are removed need not finish their connections.
  await topology.up('--timeout', '1')
  await waitFor('requests to succeed', async () => (await fetch(`${topology.url}/readyz`)).ok)
}
