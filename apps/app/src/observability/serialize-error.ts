/** An error as it is logged. */
export interface SerializedError {
  readonly type: string
  readonly message: string
  readonly code?: string | undefined
  readonly stack: string
  readonly cause?: SerializedError | undefined
}

/** Deeper causes are left out, which also ends a circular chain. */
const depthLimit = 5

/**
 * Picks what may be logged of an error. Other properties are left out: mysql2 adds the statement with its values.
 * https://github.com/sidorares/node-mysql2/blob/master/lib/commands/query.js
 */
export function serializeError(error: unknown, depth = 1): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), stack: '' }
  const { name: type, cause } = error
  const message = publicMessage(error)
  const code = (error as { code?: unknown }).code
  return {
    type,
    message,
    code: typeof code === 'string' ? code : undefined,
    stack: `${type}: ${message}${framesOf(error)}`,
    cause: cause === undefined || depth === depthLimit ? undefined : serializeError(cause, depth + 1),
  }
}

/** An error's message; for a database server's error its code, since the message quotes the statement. */
export function publicMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  return isServerError(error) ? `${code} (${errno})` : error.message
}

const isServerError = (error: Error) => 'sql' in error || 'sqlMessage' in error || 'sqlState' in error

/** The stack without its head, which repeats the message. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message)
  return at < 0 ? '' : stack.slice(at + message.length)
}
