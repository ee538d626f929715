import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { engineAddress, type Topology } from '@repo/compose'

/** What services used while something ran. */
export interface Usage {
  /** Of all containers of a service. */
  readonly cpuSeconds: Readonly<Record<string, number>>
  /** Of the largest container of a service. */
  readonly startMiB: Readonly<Record<string, number>>
  readonly peakMiB: Readonly<Record<string, number>>
}

/** Runs `work` and measures what `services` use meanwhile, with the engine's statistics, read at intervals. */
export type WithUsage = <T>(
  services: readonly string[],
  intervalMs: number,
  work: () => Promise<T>,
) => Promise<{ result: T; usage: Usage }>

/** The path of the engine's socket. @throws when the engine is on another machine. */
export async function engineSocket(): Promise<string> {
  const host = await engineAddress()
  const socketPath = /^unix:\/\/(.+)$/.exec(host)?.[1]
  if (socketPath === undefined) throw new Error(`the engine must be on this machine, not at ${host}`)
  return socketPath
}

/** @throws when the engine is on another machine. */
export async function openUsage(topology: Topology): Promise<WithUsage> {
  const socketPath = await engineSocket()
  const containers = new Map<string, string[]>()

  async function read(services: readonly string[]): Promise<Map<string, Reading>> {
    const readings = services.map(async (service) => {
      const ids = containers.get(service) ?? (await topology.containers(service))
      containers.set(service, ids)
      const each = await Promise.all(ids.map((id) => readContainer(socketPath, id)))
      const sum = each.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0)
      return [service, { cpuSeconds: sum, memoryMiB: Math.max(...each.map(({ memoryMiB }) => memoryMiB)) }] as const
    })
    return new Map(await Promise.all(readings))
  }

  return async (services, intervalMs, work) => {
    const before = await read(services)
    const start = Object.fromEntries([...before].map(([service, { memoryMiB }]) => [service, memoryMiB]))
    const peak = { ...start }
    const done = new AbortController()
    const watching = watchMemory(done.signal)
    try {
      const result = await work()
      const after = await read(services)
      const cpuSeconds = Object.fromEntries(
        [...after].map(([service, reading]) => [service, reading.cpuSeconds - (before.get(service)?.cpuSeconds ?? 0)]),
      )
      return { result, usage: { cpuSeconds, startMiB: start, peakMiB: peak } }
    } finally {
      done.abort()
      await watching
    }

    async function watchMemory(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        for (const [service, { memoryMiB }] of await read(services)) {
          peak[service] = Math.max(peak[service] ?? 0, memoryMiB)
        }
        await delay(intervalMs, undefined, { signal }).catch(() => {})
      }
    }
  }
}

interface Reading {
  readonly cpuSeconds: number
  readonly memoryMiB: number
}

interface EngineStats {
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } }
  readonly memory_stats: { readonly usage: number; readonly stats: Readonly<Record<string, number>> }
}

/** What a container uses. Memory without reclaimable file cache. https://docs.docker.com/reference/api/engine/ (ContainerStats) */
export async function readContainer(socketPath: string, id: string): Promise<Reading> {
  const path = `/containers/${id}/stats?stream=false&one-shot=true`
  const body = await new Promise<string>((resolve, reject) => {
    request({ socketPath, path }, (response) => resolve(text(response)))
      .on('error', reject)
      .end()
  })
  const { cpu_stats, memory_stats } = JSON.parse(body) as EngineStats
  // Of control groups version 1, or of version 2.
  const reclaimable = memory_stats.stats.total_inactive_file ?? memory_stats.stats.inactive_file ?? 0
  return {
    cpuSeconds: cpu_stats.cpu_usage.total_usage / 1e9,
    memoryMiB: (memory_stats.usage - reclaimable) / 1024 / 1024,
  }
}
