import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { prettyFactory } from 'pino-pretty'
import { docker, repositoryRoot } from './compose.ts'
import { inOrder, type LogLine, parseLogLine } from './log-line.ts'

/** Which lines, and for how long. */
export interface LogOptions {
  /** Only these services. @default all */
  readonly services?: readonly string[]
  /** Only lines about this request. */
  readonly request?: string | undefined
  /** How many lines of each container's past; `all` of them. */
  readonly tail: string
  /** To go on until the signal, or until nothing runs any more. Without it: the past only. */
  readonly follow?: AbortSignal
}

/** Lines of several containers come in bunches: for so long they are held to be put in order. */
const heldMs = 500

/** Compares with what was shown already from this much before, whatever the clocks say. */
const overlapMs = 10_000

/** Prints the lines of all tiers, in order, in a form for people. */
export async function showLogs({ services = [], request, tail, follow }: LogOptions): Promise<void> {
  const pretty = prettyFactory({
    colorize: process.stdout.hasColors?.() ?? false,
    singleLine: true,
    translateTime: 'UTC:HH:MM:ss.l',
  })
  const isWanted = (line: LogLine) => request === undefined || line.requestId === request
  const print = (lines: readonly LogLine[]) => {
    for (const { record } of inOrder(lines, request !== undefined)) process.stdout.write(pretty(record))
  }
  const command = ['compose', '--profile', 'observe', 'logs', '--timestamps', '--no-color']

  const since = new Date(Date.now() - overlapMs).toISOString()
  const printed = (await docker([...command, '--tail', tail, ...services])).split('\n')
  const past = printed.map(parseLogLine).filter((line) => line !== undefined)
  print(past.filter(isWanted))
  if (follow === undefined || follow.aborted) return

  const shown = new Set(past.map(({ key }) => key))
  let held: { readonly cameAt: number; readonly line: LogLine }[] = []
  const release = (cameBefore: number) => {
    print(held.filter(({ cameAt }) => cameAt <= cameBefore).map(({ line }) => line))
    held = held.filter(({ cameAt }) => cameAt > cameBefore)
  }
  const timer = setInterval(() => release(performance.now() - heldMs), heldMs / 5)
  const child = spawn('docker', [...command, '--follow', '--since', since, ...services], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own: the client may not have passed the signal on yet to Compose, its plugin, which would stay.
    detached: true,
  })
  const stop = () => child.pid && process.kill(-child.pid)
  follow.addEventListener('abort', stop)
  for await (const printed of createInterface({ input: child.stdout })) {
    const line = parseLogLine(printed)
    if (line && isWanted(line) && !shown.has(line.key)) held.push({ cameAt: performance.now(), line })
  }
  follow.removeEventListener('abort', stop)
  clearInterval(timer)
  release(Number.POSITIVE_INFINITY)
}
