import { attachTopology, type TopologyReference, waitFor } from '@repo/compose'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    topology: TopologyReference
  }
}

/** The topology that global-setup.ts opened. A file that stops, scales or breaks a part calls {@link restoreTopology}. */
export const topology = attachTopology(inject('topology'))

/** Starts every service again, and waits until requests succeed. */
export async function restoreTopology(): Promise<void> {
  await topology.up()
  await waitFor('requests to succeed', async () => (await fetch(`${topology.url}/readyz`)).ok)
}
