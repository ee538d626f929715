/** The database did not answer in time, or could not be reached. Nothing was changed. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
}

/** The same because the time was up: the server may be well, and merely busy or slow. */
export class DatabaseTimeout extends DatabaseUnavailable {}

/**
 * A write was sent, but its answer did not come in time or the connection was lost: it may or may not have been carried
 * out. A caller never reports it as done and never repeats it.
 */
export class WriteOutcomeUnknown extends Error {
  override readonly name = 'WriteOutcomeUnknown'
}

/** More work is waiting, or one statement is more work, than the limits or the time allow. Nothing was changed. */
export class DatabaseOverloaded extends Error {
  override readonly name = 'DatabaseOverloaded'
}

/** What the driver reports; see {@link toDatabaseError}. */
interface DriverError {
  readonly message?: string
  readonly code?: string
  readonly errno?: number
  readonly sqlState?: string
  /** Only on errors that the server sent. */
  readonly sqlMessage?: string
  readonly fatal?: boolean
}

/**
 * An error of the server or of the connection to it. It holds no SQL and no value of a statement, of any length: of
 * what the server says only the code is kept, since its messages quote both.
 */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** The server's symbol such as `ER_DUP_ENTRY`, or Node's such as `ECONNREFUSED`. */
  readonly code: string
  readonly errno: number | undefined
  readonly sqlState: string | undefined
  /** True when the connection cannot be used again. */
  readonly fatal: boolean
  readonly #constraint: string | undefined

  constructor(message: string, { code = 'UNKNOWN', errno, sqlState, sqlMessage = '', fatal = false }: DriverError) {
    super(message)
    this.code = code
    this.errno = errno
    this.sqlState = sqlState
    this.#constraint = errno === undefined ? undefined : constraintForms.get(errno)?.exec(sqlMessage)?.[1]
    this.fatal = fatal
  }

  /** The unique key, as `table.key`, or the foreign key that refused the row. Not a property that is logged. */
  get constraint(): string | undefined {
    return this.#constraint
  }
}

const foreignKeyForm = /CONSTRAINT `([^`]+)` FOREIGN KEY/

/** Where a server names the constraint: ER_DUP_ENTRY after the value, ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW_2. */
const constraintForms: ReadonlyMap<number, RegExp> = new Map([
  [1062, / for key '([^']+)'$/],
  [1451, foreignKeyForm],
  [1452, foreignKeyForm],
])

/** The driver puts the statement with its values into `error.sql`: its errors never leave the package as they are. */
export function toDatabaseError(error: unknown): DatabaseError {
  const reported: DriverError = Object(error)
  const { message, code, errno, sqlState, sqlMessage } = reported
  if (sqlMessage === undefined) return new DatabaseError(message || code || 'unknown error', reported)
  const line = / at line (\d+)$/.exec(sqlMessage)?.[1]
  return new DatabaseError(
    `${code} (${errno}, SQLSTATE ${sqlState})${line === undefined ? '' : ` at line ${line}`}`,
    reported,
  )
}
