import { hostname } from 'node:os'
import { ConfigError, openDatabase } from '@repo/db'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { createApp } from './app.ts'
import { type Config, loadConfig } from './config.ts'
import { createMetrics, createMetricsServer } from './metrics.ts'
import { createHttpServer, drain, listen } from './server.ts'

async function main(config: Config): Promise<void> {
  // Lines go out together, at the latest after a quarter of a second: a system call for each costs an eighth of all
  // the work. pino writes out what is left when the process ends or logs something fatal.
  const log = pino.destination({ sync: false, minLength: 4096, periodicFlush: 250 })
  const logger = pino(
    {
      level: config.logLevel,
      base: { service: 'app' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    log,
  )
  const opened = openDatabase(config.database)
  const metrics = createMetrics(opened)
  // Not even loaded unless asked for.
  const endpoint = config.tracesEndpoint
  const tracing = endpoint && (await import('./tracing.ts')).startTracing(endpoint, logger)
  const database = tracing ? tracing.watched(opened) : opened
  const observers = tracing ? [metrics.observe, tracing.observe] : [metrics.observe]
  let draining = false
  const server = createHttpServer(
    createApp({
      database,
      logger,
      isDraining: () => draining,
      admission: config.admission,
      instance: hostname(),
      observers,
    }),
  )
  const metricsPort = await listen(createMetricsServer(metrics), config.metricsPort)
  const port = await listen(server, config.port)
  logger.info({ port, metricsPort }, 'listening')

  closeWithGrace({ delay: config.drain.deadlineMs, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'failed beyond repair')
    else logger.info({ signal }, 'draining')
    draining = true
    await drain(server, err ? 0 : config.drain.delayMs)
    await database.close()
    if (tracing) await tracing.close()
    logger.info('stopped')
  })
}

try {
  await main(loadConfig(process.env))
} catch (error) {
  console.error(error instanceof ConfigError ? `The environment is not right:\n${error.message}` : error)
  process.exitCode = 1
}
