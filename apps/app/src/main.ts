import { hostname } from 'node:os'
import { ConfigError, createDatabaseClient, startExpiry } from '@repo/db'
import closeWithGrace from 'close-with-grace'
import { createApp } from './app.ts'
import { type Config, loadConfig } from './config.ts'
import { createHttpServer, drain, listen } from './http/server.ts'
import { identify } from './middleware/identity.ts'
import { createDestination, createLogger } from './observability/logger.ts'
import { createMetrics, createMetricsServer } from './observability/metrics.ts'
import { resources } from './resources/index.ts'

async function main(config: Config): Promise<void> {
  const logger = createLogger(config.logLevel, createDestination(process.stdout.fd))
  const client = createDatabaseClient(config.database)
  // Loads OpenTelemetry only when it is configured.
  const tracing = config.tracesEndpoint
    ? (await import('./observability/tracing.ts')).startTracing(config.tracesEndpoint, logger)
    : undefined
  const running = resources.map((resource) =>
    resource.create({ client, settings: config.resources, instrument: tracing?.instrument ?? ((_name, work) => work) }),
  )
  const metrics = createMetrics(client, running)
  const stopExpiry = startExpiry(client)
  let draining = false
  const server = createHttpServer(
    createApp({
      client,
      resources: running,
      logger,
      isDraining: () => draining,
      admission: config.admission,
      identify,
      observers: tracing ? [metrics.observe, tracing.observe] : [metrics.observe],
      instance: hostname(),
    }),
  )
  const metricsPort = await listen(createMetricsServer(metrics), config.metricsPort)
  const port = await listen(server, config.port)
  logger.info({ port, metricsPort }, 'listening')

  closeWithGrace({ delay: config.drain.deadlineMs, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'uncaught error, shutting down')
    else logger.info({ signal }, 'draining')
    draining = true
    await drain(server, err ? 0 : config.drain.delayMs)
    await Promise.all(running.map((resource) => resource.close?.()))
    stopExpiry()
    await client.close()
    await tracing?.close()
    logger.info('stopped')
  })
}

try {
  await main(loadConfig(process.env, resources))
} catch (error) {
  console.error(error instanceof ConfigError ? `Invalid environment variables:\n${error.message}` : error)
  process.exitCode = 1
}
