import { availableParallelism, cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Send } from './http.ts'
import type { Workload } from './workload.ts'

/** How fast and how quiet a machine is. */
export interface Machine {
  readonly cpus: number
  readonly cpu: string
  /** How much of all CPUs other processes use, in percent. */
  readonly busyPercent: number
  /** How late a timer of an idle process fires, 99th percentile. */
  readonly schedulingDelayMs: number
  /** CPU time of a fixed calculation. */
  readonly calculationMs: number
  /** One write at a time through an idle topology, median: this includes the commits. */
  readonly writeMs: number
}

/**
 * Up to these limits bounds on time are judged. They are several times what two shared cores with a local disk reach,
 * where the bounds hold with a wide margin.
 */
const indicators = [
  { key: 'busyPercent', label: 'CPU use of other processes', unit: '%', limit: 20, exceeded: 'busy' },
  { key: 'schedulingDelayMs', label: 'scheduling delay', unit: 'ms', limit: 20, exceeded: 'busy' },
  { key: 'calculationMs', label: 'calculation', unit: 'ms', limit: 400, exceeded: 'slow' },
  { key: 'writeMs', label: 'one write', unit: 'ms', limit: 100, exceeded: 'slow' },
] as const

/**
 * Measures for a little longer than `idleMs`. Nothing of this project may be running.
 *
 * @param idleMs for how long it watches the other processes. @default 3000
 */
export async function measureMachine(idleMs = 3000): Promise<Omit<Machine, 'writeMs'>> {
  const calculationMs = Math.min(...Array.from({ length: 5 }, calculate))
  return {
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    ...(await measureIdle(idleMs)),
    calculationMs: Math.round(calculationMs),
  }
}

/** The median time of one write at a time, in milliseconds. @throws if a write is not acknowledged. */
export async function medianWriteMs(send: Send, workload: Pick<Workload, 'write' | 'acknowledged'>): Promise<number> {
  const times: number[] = []
  // The first half is for the compiler and the connections.
  for (let i = 0; i < 100; i += 1) {
    const startedAt = performance.now()
    const outcome = await send(workload.write())
    const acknowledged = 'error' in outcome ? undefined : workload.acknowledged(outcome)
    if (acknowledged === undefined) throw new Error('a write was not acknowledged')
    if (i >= 50) times.push(performance.now() - startedAt)
  }
  return Number((times.toSorted((a, b) => a - b)[25] ?? 0).toFixed(1))
}

/** Why bounds on time cannot be judged on this machine; empty if they can. */
export const unfitReasons = (machine: Machine): string[] =>
  indicators
    .filter(({ key, limit }) => machine[key] > limit)
    .map(({ key, label, unit, limit, exceeded }) => {
      return `too ${exceeded}: ${label} ${machine[key]} ${unit} (limit ${limit} ${unit})`
    })

/** The measured values, for a person. */
export const describeMachine = (machine: Machine): string =>
  [
    `${machine.cpus} × ${machine.cpu}`,
    ...indicators.map(({ key, label, unit }) => `${label} ${machine[key]} ${unit}`),
  ].join(', ')

/** Milliseconds of CPU time. */
function calculate(): number {
  const before = process.cpuUsage()
  JSON.parse(JSON.stringify(Array.from({ length: 200_000 }, (_, id) => ({ id, text: String(id) }))))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function measureIdle(idleMs: number): Promise<Pick<Machine, 'busyPercent' | 'schedulingDelayMs'>> {
  const resolution = 5
  const timers = monitorEventLoopDelay({ resolution })
  const before = cpuTimes()
  timers.enable()
  await delay(idleMs)
  timers.disable()
  const after = cpuTimes()
  return {
    busyPercent: Math.round((100 * (after.busy - before.busy)) / (after.total - before.total)),
    // The histogram includes the timer's own interval.
    schedulingDelayMs: Math.max(0, Math.round(timers.percentile(99) / 1e6 - resolution)),
  }
}

/** Of all CPUs since the machine started. */
function cpuTimes(): { readonly busy: number; readonly total: number } {
  const times = cpus().map(({ times }) => times)
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
  return { total, busy: total - times.reduce((sum, { idle }) => sum + idle, 0) }
}
