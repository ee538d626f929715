import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Project } from '@repo/compose'
import { prettyFactory } from 'pino-pretty'
import { type LogLine, parseLogLine, sortLines } from './log-line.ts'

/** Which lines, and for how long. */
export interface LogOptions {
  /** Only these services. @default all */
  readonly services?: readonly string[]
  /** Only lines about this request. @default all */
  readonly request?: string | undefined
  /** How many past lines of each container; `all` of them. */
  readonly tail: string
  /** Continues until the signal is aborted or no container runs. @default the past lines only */
  readonly follow?: AbortSignal
}

/** Lines of several containers arrive in bursts: each is delayed this long, so that all can be sorted. */
const sortDelayMs = 500

/** Following starts this long before now, whatever the clocks say; a line that was printed is not printed again. */
const overlapMs = 10_000

/** Prints the lines of all tiers, sorted, in a form for people. */
export async function showLogs(project: Project, { services = [], request, tail, follow }: LogOptions): Promise<void> {
  const pretty = prettyFactory({
    colorize: process.stdout.hasColors?.() ?? false,
    singleLine: true,
    translateTime: 'UTC:HH:MM:ss.l',
  })
  const isWanted = (line: LogLine) => request === undefined || line.requestId === request
  const print = (lines: readonly LogLine[]) => {
    for (const { record } of sortLines(lines, { byTier: request !== undefined })) process.stdout.write(pretty(record))
  }
  const command = ['logs', '--timestamps', '--no-color']

  const since = new Date(Date.now() - overlapMs).toISOString()
  const past = (await project.compose(...command, '--tail', tail, ...services))
    .split('\n')
    .map(parseLogLine)
    .filter((line) => line !== undefined)
  print(past.filter(isWanted))
  if (follow === undefined || follow.aborted) return

  const printed = new Set(past.map(({ key }) => key))
  let pending: { readonly receivedAt: number; readonly line: LogLine }[] = []
  const printPending = (receivedBefore: number) => {
    print(pending.filter(({ receivedAt }) => receivedAt <= receivedBefore).map(({ line }) => line))
    pending = pending.filter(({ receivedAt }) => receivedAt > receivedBefore)
  }
  const timer = setInterval(() => printPending(performance.now() - sortDelayMs), sortDelayMs / 5)
  const child = project.spawn([...command, '--follow', '--since', since, ...services], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own, so that Compose, a plugin of `docker`, ends with it.
    detached: true,
  })
  // `docker` ignores SIGTERM until the plugin runs.
  const stop = () => child.pid && process.kill(-child.pid, 'SIGKILL')
  follow.addEventListener('abort', stop)
  for await (const text of createInterface({ input: child.stdout as Readable })) {
    const line = parseLogLine(text)
    if (line && isWanted(line) && !printed.has(line.key)) pending.push({ receivedAt: performance.now(), line })
  }
  follow.removeEventListener('abort', stop)
  clearInterval(timer)
  printPending(Number.POSITIVE_INFINITY)
}
