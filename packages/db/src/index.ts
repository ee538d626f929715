export { connect, type Endpoint, query } from './connection.ts'
export { type CountRange, type Period, periodMs } from './counts.ts'
export {
  type Database,
  type DatabaseOptions,
  type DatabaseState,
  type DatabaseStatus,
  openDatabase,
} from './database.ts'
export { databaseVariables, host, identifier, integer, passwordSource, readEnvironment } from './environment.ts'
export { ConfigError, DatabaseOverloaded, DatabaseUnavailable, MigrationError } from './errors.ts'
export { type MigrateOptions, migrate } from './migrate.ts'
export { loadMigrations, type Migration, parseMigrations, serializeMigrations } from './migrations.ts'
export { type Batch, batchChannel } from './save-queue.ts'
export type { Frame, Order, Page, PageQuery, Position } from './times.ts'
