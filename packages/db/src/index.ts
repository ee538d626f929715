export {
  type CallOptions,
  createDatabaseClient,
  type DatabaseClient,
  type DatabaseClientOptions,
  type DatabaseState,
  type DatabaseStatus,
  type ReadOptions,
  type Work,
  type WriteOptions,
} from './client/client.ts'
export { coalesce } from './client/coalesce.ts'
export { type Connection, connect, type Endpoint, execute, query, type Statement } from './client/connection.ts'
export {
  type CommitPoint,
  commit,
  DataNotFound,
  markCommit,
  type Point,
  type ReadPoint,
  readPoint,
} from './client/consistency.ts'
export type { Durability } from './client/durability.ts'
export { DatabaseError, DatabaseOverloaded, DatabaseUnavailable, WriteOutcomeUnknown } from './client/errors.ts'
export { removeExpiredKeys, removeExpiredMarks, startExpiry } from './client/expiry.ts'
export {
  createKeyedWrites,
  type IdempotencyKey,
  type KeyedOutcome,
  type KeyedWrite,
  type KeyedWrites,
  KeyInProgress,
  KeyReused,
} from './client/keyed-writes.ts'
export { readRawRows } from './client/raw-rows.ts'
export {
  ConfigError,
  databaseVariables,
  expectation,
  host,
  identifier,
  integer,
  migrationVariables,
  passwordSource,
  readEnvironment,
} from './environment.ts'
export {
  checksum,
  declaredRights,
  fillIn,
  loadMigrations,
  type Migration,
  MigrationError,
  parseMigrations,
  serializeMigrations,
} from './migrations/load.ts'
export { type MigrateOptions, migrate } from './migrations/migrate.ts'
