import { type Arena, docker } from './arena.ts'

/** What a container holds at a moment. */
export interface Sample {
  readonly mib: number
  readonly handles: number
}

// Of all its processes: kilobytes of memory, open handles.
const command = "cat /proc/[0-9]*/status | awk '/^VmRSS/ {kb += $2} END {print kb}'; ls -d /proc/[0-9]*/fd/* | wc -l"

/** A sample of each container of a service, in the order in which Docker lists them. */
export async function gauge(arena: Arena, service: 'app' | 'web'): Promise<Sample[]> {
  const containers = await arena.stack.containers(service)
  return Promise.all(
    containers.map(async (container) => {
      const [kb, handles] = (await docker('exec', container, 'bash', '-c', command)).split('\n')
      return { mib: Number(kb) / 1024, handles: Number(handles) }
    }),
  )
}
