import { stripVTControlCharacters } from 'node:util'
import { services } from '@repo/compose'

/** A line of a container's log. */
export interface LogLine {
  /** The container, as Compose names it: `app-1`. */
  readonly instance: string
  /** Identifies the line, whatever width Compose gives its first column. */
  readonly key: string
  /** The time of the event, in milliseconds. Lines may be written later, several together. */
  readonly at: number
  /** The request that it is about; undefined if none. */
  readonly requestId: string | undefined
  /** What pino-pretty prints. */
  readonly record: Readonly<Record<string, unknown>>
}

/** Parses a line that `docker compose logs --timestamps` prints; undefined if it is not a log line. */
export function parseLogLine(printed: string): LogLine | undefined {
  // Compose 2.26 clears the terminal's line before each, even into a pipe.
  const [, instance, timestamp, text] = /^(\S+) +\| (\S+Z) (.*)$/.exec(stripVTControlCharacters(printed).trim()) ?? []
  if (instance === undefined || timestamp === undefined || text === undefined) return undefined
  const fields = parseObject(text) ?? parseText(text)
  const time = String(fields.time ?? timestamp)
  const requestId = fields.requestId ?? fields.id
  return {
    instance,
    key: `${instance} ${timestamp} ${text}`,
    at: Date.parse(time) || Date.parse(timestamp),
    requestId: typeof requestId === 'string' && requestId !== '-' ? requestId : undefined,
    record: toRecord(instance, time, fields),
  }
}

/** Sorts lines by time; with `byTier` by tier first, in the order in which a request passes them. */
export function sortLines(lines: readonly LogLine[], { byTier }: { readonly byTier: boolean }): LogLine[] {
  const tier = ({ instance }: LogLine) =>
    byTier ? services.findIndex((service) => instance.startsWith(`${service}-`)) : 0
  return lines.toSorted((a, b) => tier(a) - tier(b) || a.at - b.at)
}

type Fields = Readonly<Record<string, unknown>>

function parseObject(text: string): Fields | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The lines of MySQL and HAProxy's own notices are not JSON, but most contain a level. */
function parseText(text: string): Fields {
  const [, level] = /\[(NOTICE|WARNING|ALERT|Note|System|Warning|ERROR)\]/i.exec(text) ?? []
  return { level, msg: text.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '') }
}

const levels: Readonly<Record<string, string>> = {
  trace: 'trace',
  debug: 'debug',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'fatal',
  crit: 'fatal',
  alert: 'fatal',
  emerg: 'fatal',
}

/** Gives the fields that the tiers name differently one form. */
function toRecord(instance: string, time: string, fields: Fields): Record<string, unknown> {
  const { time: _, level, service, msg, message, method, path, uri, status, durationMs, durationUs, ...rest } = fields
  const text = msg ?? message ?? ''
  const ms = Number(durationMs ?? Number(durationUs) / 1000)
  const request = method ? `${method} ${path ?? uri} ${status} in ${ms.toFixed(ms < 10 ? 1 : 0)} ms` : ''
  const parts = [instance.padEnd(11), request, text === 'request completed' ? '' : text]
  return {
    time,
    level: levels[String(level).toLowerCase()] ?? 'info',
    msg: parts.filter(Boolean).join(' '),
    ...withoutEmpty(rest),
  }
}

/** Without the fields that a tier leaves empty or writes as `-`. */
function withoutEmpty(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '-' && value !== ''))
}
