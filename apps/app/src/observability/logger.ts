import { type DestinationStream, type Level, type Logger, pino } from 'pino'
import { serializeError } from './serialize-error.ts'

/** The levels of log lines, and `silent`. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const satisfies readonly (
  | Level
  | 'silent'
)[]

/** The application's log: one JSON object per line. Errors are logged under `err`. */
export function createLogger(level: (typeof logLevels)[number], destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service: 'app' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    destination,
  )
}

/**
 * Where the application writes its log. Lines are written together, after a quarter of a second at the latest: a system
 * call for each costs an eighth of all the work. pino writes the rest when the process ends or logs a fatal error. While
 * nobody reads, lines are kept up to a limit, and further ones dropped: the log must not take the memory of the requests.
 */
export const createDestination = (fd: number): ReturnType<typeof pino.destination> =>
  pino.destination({ fd, sync: false, minLength: 4096, periodicFlush: 250, maxLength: 8 * 1024 * 1024 })
