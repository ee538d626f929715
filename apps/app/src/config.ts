import { type DatabaseClientOptions, databaseVariables, host, integer, passwordSource, readEnvironment } from '@repo/db'
import { z } from 'zod'
import type { AdmissionOptions } from './middleware/admission.ts'
import { logLevels } from './observability/logger.ts'
import type { Resource } from './resources/resource.ts'

const ownVariables = {
  ...databaseVariables,
  DB_READ_ENDPOINT_ADDRESS: host.describe('Host of the reader endpoint.'),
  PORT: integer(0, 65_535).default(9090).describe('Port of the HTTP server.'),
  METRICS_PORT: integer(0, 65_535).default(9464).describe('Port of `/metrics`, for Prometheus.'),
  LOG_LEVEL: z
    .enum(logLevels)
    .meta({ expected: `one of ${logLevels.join(', ')}` })
    .default('info')
    .describe('Least severe level of log lines.'),
  DB_WRITER_CONNECTIONS: integer(1, 1000).default(4).describe('The most connections to the writer, for writes alone.'),
  DB_READER_CONNECTIONS: integer(1, 1000).default(8).describe('The most connections to the reader, for reads.'),
  DB_FALLBACK_CONNECTIONS: integer(1, 1000)
    .default(2)
    .describe('The most connections to the writer for reads, which go there while the reader is unavailable.'),
  DB_CONNECTION_QUEUE_LIMIT: integer(1, 100_000)
    .default(512)
    .describe('The most statements waiting for a connection of each kind. Further ones are refused with 503.'),
  DB_CONNECT_TIMEOUT_MS: integer(10, 60_000).default(1500).describe('Time limit for connecting to the database.'),
  DB_CONNECTION_MAX_LIFETIME_MS: integer(100, 86_400_000)
    .default(900_000)
    .describe('Age at which a connection is replaced, so that it follows moved names and rotated passwords.'),
  DB_READER_LAG_LIMIT_MS: integer(100, 3_600_000)
    .default(3000)
    .describe('Replica lag above which reads go to the writer.'),
  DB_DEADLINE_MS: integer(10, 60_000)
    .default(1800)
    .describe('Time limit for a call to the database, with all waiting. Must be longer than `DB_CONNECT_TIMEOUT_MS`.'),
  IN_FLIGHT_LIMIT: integer(1, 100_000)
    .default(512)
    .describe(
      'The most reads, requests with a body, and others in flight, of each. Further ones are refused with 503.',
    ),
  EVENT_LOOP_DELAY_LIMIT_MS: integer(10, 60_000)
    .default(200)
    .describe('Mean delay of the event loop above which `IN_FLIGHT_LIMIT` is lowered.'),
  DRAIN_DELAY_MS: integer(0, 60_000)
    .default(3000)
    .describe(
      'On SIGTERM: how long the instance still accepts requests, so that balancers notice that it is unhealthy.',
    ),
  DRAIN_DEADLINE_MS: integer(100, 600_000)
    .default(20_000)
    .describe('On SIGTERM: time limit for the requests in flight, including `DRAIN_DELAY_MS`.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .meta({ expected: 'an http or https address' })
    .optional()
    .describe('OTLP/HTTP collector that traces are sent to. Unset: there are no traces.'),
}

/** Every environment variable of the app, those of its resources included. */
export const variablesOf = (resources: readonly Resource[]): typeof ownVariables & z.ZodRawShape =>
  Object.assign({}, ownVariables, ...resources.map(({ variables }) => variables))

/** The application's settings. Times are in milliseconds. */
export interface Config {
  readonly port: number
  /** Port of the metrics. */
  readonly metricsPort: number
  readonly logLevel: (typeof logLevels)[number]
  readonly database: DatabaseClientOptions
  /** The settings of all resources, by the names of their variables. */
  readonly resources: unknown
  readonly admission: AdmissionOptions
  /** Where spans are sent; undefined: tracing is off. */
  readonly tracesEndpoint: string | undefined
  readonly drain: {
    /** How long a stopping instance still accepts requests, so that balancers notice that it is unhealthy. */
    readonly delayMs: number
    /** When a stopping instance gives up waiting for requests in flight. Includes the delay. */
    readonly deadlineMs: number
  }
}

/**
 * The one place that reads the environment.
 *
 * @throws {ConfigError} with every problem at once.
 */
export function loadConfig(environment: NodeJS.ProcessEnv, resources: readonly Resource[]): Config {
  const settings = readEnvironment<typeof ownVariables>(variablesOf(resources), environment)
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
      writerConnections: settings.DB_WRITER_CONNECTIONS,
      readerConnections: settings.DB_READER_CONNECTIONS,
      fallbackConnections: settings.DB_FALLBACK_CONNECTIONS,
      connectionQueueLimit: settings.DB_CONNECTION_QUEUE_LIMIT,
      connectTimeoutMs: settings.DB_CONNECT_TIMEOUT_MS,
      maxLifetimeMs: settings.DB_CONNECTION_MAX_LIFETIME_MS,
      readerLagLimitMs: settings.DB_READER_LAG_LIMIT_MS,
      deadlineMs: settings.DB_DEADLINE_MS,
    },
    resources: settings,
    admission: {
      inFlightLimit: settings.IN_FLIGHT_LIMIT,
      eventLoopDelayLimitMs: settings.EVENT_LOOP_DELAY_LIMIT_MS,
    },
    tracesEndpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    drain: { delayMs: settings.DRAIN_DELAY_MS, deadlineMs: settings.DRAIN_DEADLINE_MS },
  }
}
