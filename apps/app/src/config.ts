import { type DatabaseOptions, databaseVariables, host, integer, passwordSource, readEnvironment } from '@repo/db'
import { z } from 'zod'
import type { AdmissionOptions } from './admission.ts'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const variables = {
  ...databaseVariables,
  DB_READ_ENDPOINT_ADDRESS: host,
  PORT: integer(0, 65_535).default(9090),
  METRICS_PORT: integer(0, 65_535).default(9464),
  LOG_LEVEL: z
    .enum(logLevels)
    .describe(`one of ${logLevels.join(', ')}`)
    .default('info'),
  DB_WRITER_CONNECTIONS: integer(1, 1000).default(4),
  DB_READER_CONNECTIONS: integer(1, 1000).default(8),
  DB_READ_QUEUE_LIMIT: integer(1, 100_000).default(512),
  DB_CONNECT_TIMEOUT_MS: integer(10, 60_000).default(1500),
  DB_CONNECTION_MAX_AGE_MS: integer(100, 86_400_000).default(900_000),
  DB_READER_LAG_LIMIT_MS: integer(100, 3_600_000).default(5000),
  DB_DEADLINE_MS: integer(10, 60_000).default(2000),
  SAVE_BATCH_LIMIT: integer(1, 10_000).default(1000),
  SAVE_QUEUE_LIMIT: integer(1, 100_000).default(4000),
  IN_FLIGHT_LIMIT: integer(1, 100_000).default(512),
  EVENT_LOOP_DELAY_LIMIT_MS: integer(10, 60_000).default(200),
  DRAIN_DELAY_MS: integer(0, 60_000).default(3000),
  DRAIN_DEADLINE_MS: integer(100, 600_000).default(20_000),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .describe('an http or https address')
    .optional(),
}

/** The application's settings. Times are in milliseconds. */
export interface Config {
  readonly port: number
  /** Where the metrics are read. */
  readonly metricsPort: number
  readonly logLevel: (typeof logLevels)[number]
  readonly database: DatabaseOptions
  readonly admission: AdmissionOptions
  /** Where spans go; unset: there are none. */
  readonly tracesEndpoint: string | undefined
  readonly drain: {
    /** How long a stopping instance still takes requests, so that balancers see it is unhealthy before it is gone. */
    readonly delayMs: number
    /** When a stopping instance gives up waiting for requests under way. Includes the delay. */
    readonly deadlineMs: number
  }
}

/**
 * The one place that reads the environment.
 *
 * @throws {ConfigError} with every problem at once.
 */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const settings = readEnvironment(variables, environment)
  return {
    port: settings.PORT,
    metricsPort: settings.METRICS_PORT,
    logLevel: settings.LOG_LEVEL,
    database: {
      writer: { host: settings.DB_WRITE_ENDPOINT_ADDRESS, port: settings.MYSQL_PORT },
      reader: { host: settings.DB_READ_ENDPOINT_ADDRESS, port: settings.MYSQL_PORT },
      user: settings.DB_USER,
      password: passwordSource(settings),
      tlsCa: settings.DB_TLS_CA,
      database: settings.DB_NAME,
      table: settings.DB_TABLENAME,
      writerConnections: settings.DB_WRITER_CONNECTIONS,
      readerConnections: settings.DB_READER_CONNECTIONS,
      readQueueLimit: settings.DB_READ_QUEUE_LIMIT,
      connectTimeoutMs: settings.DB_CONNECT_TIMEOUT_MS,
      connectionMaxAgeMs: settings.DB_CONNECTION_MAX_AGE_MS,
      readerLagLimitMs: settings.DB_READER_LAG_LIMIT_MS,
      deadlineMs: settings.DB_DEADLINE_MS,
      saveBatchLimit: settings.SAVE_BATCH_LIMIT,
      saveQueueLimit: settings.SAVE_QUEUE_LIMIT,
    },
    admission: {
      inFlightLimit: settings.IN_FLIGHT_LIMIT,
      eventLoopDelayLimitMs: settings.EVENT_LOOP_DELAY_LIMIT_MS,
    },
    tracesEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    drain: { delayMs: settings.DRAIN_DELAY_MS, deadlineMs: settings.DRAIN_DEADLINE_MS },
  }
}
