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
  const { name, message, code, errno, $metadata } = Object(error)
  // The database's and the network's errors. The server's messages quote statements and values.
  if (code ?? errno) return String(code ?? errno)
  // The AWS SDK's and a parser's errors may quote what was sent or received.
  if ($metadata || error instanceof SyntaxError) return name
  return `${name}: ${message}`
}
