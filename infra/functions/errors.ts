import { MigrationError } from '@repo/db'

/** An error whose message may be logged: it has no SQL and no value of a secret. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError'
}

/**
 * Runs one step of a function. Whatever it throws becomes a new error, which names the step and the reason only: Lambda
 * prints an uncaught error with all of its enumerable properties, mysql2's errors have the statement with its values,
 * and those of the AWS SDK have the request and the response.
 *
 * @throws {Error} when `step` fails.
 */
export async function withSafeErrors<T>(name: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw new Error(`${name}: ${reason(error)}`)
  }
}

function reason(error: unknown): string {
  if (error instanceof FunctionError || error instanceof MigrationError) return `${error.name}: ${error.message}`
  const { name, code, errno } = Object(error)
  // Messages of the database, the AWS SDK and the runtime may quote what was sent or received.
  return String(code ?? errno ?? name ?? 'unknown error')
}
