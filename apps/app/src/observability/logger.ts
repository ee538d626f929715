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
