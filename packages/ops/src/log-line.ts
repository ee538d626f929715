import { stripVTControlCharacters } from 'node:util'
import { boxes } from './compose.ts'

/** A line of a container's log. */
export interface LogLine {
  /** The container, as Compose names it: `app-1`. */
  readonly instance: string
  /** The same for the same line, however wide Compose makes its margin. */
  readonly key: string
  /** When what it tells of happened; in milliseconds. Lines may be written later, several together. */
  readonly at: number
  /** Of the request that it is about; undefined if it is about none. */
  readonly requestId: string | undefined
  /** What pino-pretty prints. */
  readonly record: Readonly<Record<string, unknown>>
}

/** Reads a line that `docker compose logs --timestamps` prints; undefined for one that is no log line. */
export function parseLogLine(printed: string): LogLine | undefined {
  // Compose 2.26 erases the terminal's line before each, even into a pipe.
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
    record: readable(instance, time, fields),
  }
}

/** Sorts lines by what happened first. With `byTier` a request's lines come in the order in which it meets the tiers. */
export function inOrder(lines: readonly LogLine[], byTier = false): LogLine[] {
  const tier = ({ instance }: LogLine) => (byTier ? boxes.findIndex((box) => instance.startsWith(`${box}-`)) : 0)
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

/** MySQL and HAProxy's own notices are no JSON, but most say how grave they are. */
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

/** One form for what each tier calls by other names. */
function readable(instance: string, time: string, fields: Fields): Record<string, unknown> {
  const { time: _, level, service, msg, message, method, path, uri, status, durationMs, durationUs, ...rest } = fields
  const said = msg ?? message ?? ''
  const ms = Number(durationMs ?? Number(durationUs) / 1000)
  const request = method ? `${method} ${path ?? uri} ${status} in ${ms.toFixed(ms < 10 ? 1 : 0)} ms` : ''
  const text = [instance.padEnd(11), request, said === 'request completed' ? '' : said].filter(Boolean).join(' ')
  return { time, level: levels[String(level).toLowerCase()] ?? 'info', msg: text, ...withoutBlanks(rest) }
}

/** Without what the tiers write where there is nothing to say. */
function withoutBlanks(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '-' && value !== ''))
}
