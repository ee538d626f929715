import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Stack } from '@repo/compose'

const run = promisify(execFile)

/** What services used while something ran. */
export interface Usage {
  /** All containers of a service together. */
  readonly cpuSeconds: Readonly<Record<string, number>>
  /** The largest container of a service. */
  readonly startMiB: Readonly<Record<string, number>>
  readonly peakMiB: Readonly<Record<string, number>>
}

/** Runs `work` and watches what `services` use meanwhile, by the engine's own accounts, read every so often. */
export type Watch = <T>(
  services: readonly string[],
  everyMs: number,
  work: () => Promise<T>,
) => Promise<{ result: T; usage: Usage }>

/** Finds the engine. */
export async function openWatch(stack: Stack): Promise<Watch> {
  const { stdout } = await run('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])
  const host = process.env.DOCKER_HOST ?? stdout.trim()
  const socketPath = /^unix:\/\/(.+)$/.exec(host)?.[1]
  if (socketPath === undefined) throw new Error(`the engine is not on this machine but at ${host}`)
  const containers = new Map<string, string[]>()

  async function read(services: readonly string[]): Promise<Map<string, Reading>> {
    const readings = services.map(async (service) => {
      const ids = containers.get(service) ?? (await stack.containers(service))
      containers.set(service, ids)
      const each = await Promise.all(ids.map((id) => readContainer(socketPath as string, id)))
      const sum = each.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0)
      return [service, { cpuSeconds: sum, memoryMiB: Math.max(...each.map(({ memoryMiB }) => memoryMiB)) }] as const
    })
    return new Map(await Promise.all(readings))
  }

  return async (services, everyMs, work) => {
    const before = await read(services)
    const start = Object.fromEntries([...before].map(([service, { memoryMiB }]) => [service, memoryMiB]))
    const peak = { ...start }
    const done = new AbortController()
    const watched = watchMemory(done.signal)
    try {
      const result = await work()
      const after = await read(services)
      const cpuSeconds = Object.fromEntries(
        [...after].map(([service, reading]) => [service, reading.cpuSeconds - (before.get(service)?.cpuSeconds ?? 0)]),
      )
      return { result, usage: { cpuSeconds, startMiB: start, peakMiB: peak } }
    } finally {
      done.abort()
      await watched
    }

    async function watchMemory(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        for (const [service, { memoryMiB }] of await read(services)) {
          peak[service] = Math.max(peak[service] ?? 0, memoryMiB)
        }
        await delay(everyMs, undefined, { signal }).catch(() => {})
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

/** https://docs.docker.com/reference/api/engine/ (ContainerStats): memory without what the kernel can drop at once. */
async function readContainer(socketPath: string, id: string): Promise<Reading> {
  const path = `/containers/${id}/stats?stream=false&one-shot=true`
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
    })
    asked.on('error', reject)
    asked.end()
  })
  const { cpu_stats, memory_stats } = JSON.parse(text) as EngineStats
  // Control groups version 1 and 2.
  const droppable = memory_stats.stats.total_inactive_file ?? memory_stats.stats.inactive_file ?? 0
  return {
    cpuSeconds: cpu_stats.cpu_usage.total_usage / 1e9,
    memoryMiB: (memory_stats.usage - droppable) / 1024 / 1024,
  }
}
