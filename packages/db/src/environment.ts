import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** An environment variable is missing or wrong. The message lists every problem, a line each, without secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** An integer in decimal digits, within bounds. `Number('')` is 0 and `parseInt('30x')` is 30: neither is strict. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((n) => n >= min && n <= max)
    .meta({ expected: `an integer from ${min} to ${max}` })

/** A MySQL identifier as this project allows it: it needs no quoting anywhere. */
export const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/)
  .meta({ expected: '1-64 letters, digits or underscores, not beginning with a digit' })

/** A DNS name or an IP address. */
export const host = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,253}$/)
  .meta({ expected: 'a host name or an address' })

const text = (expected: string) => z.string().min(1).meta({ expected })

/** The environment variables of every process that connects to the database. */
export const databaseVariables = {
  DB_WRITE_ENDPOINT_ADDRESS: host.describe('Host of the writer endpoint.'),
  DB_NAME: identifier.describe('Name of the database.'),
  DB_USER: identifier.describe('Database user.'),
  DB_PASSWORD: text('a password').optional().describe('Password of the user. Set this or `DB_PASSWORD_FILE`.'),
  DB_PASSWORD_FILE: text("a file's path")
    .optional()
    .describe(
      'File with the password of the user. It is read at each connect, so a rotated password needs no restart.',
    ),
  MYSQL_PORT: integer(1, 65_535).default(3306).describe('Port of both database endpoints.'),
  DB_TLS_CA: text("'amazon-rds' or a PEM file's path")
    .optional()
    .describe(
      "Certificate authorities of the servers: `amazon-rds` for the bundled ones of AWS, or a PEM file's path. " +
        'Unset: connections do not use TLS.',
    ),
}

/** The environment variables of `db-init`. */
export const migrationVariables = {
  ...databaseVariables,
  DB_TLS_SERVER_NAME: host
    .optional()
    .describe("Name in the server's certificate, where `DB_WRITE_ENDPOINT_ADDRESS` is that of a port forwarding."),
  DB_TABLENAME: identifier.describe('Table whose name replaces `{{table}}` in the migrations.'),
  APP_DB_USER: identifier.describe("The app's database user, which is granted its privileges."),
}

/**
 * Reads the variables that `shape` names; an empty one counts as unset.
 *
 * @throws {ConfigError} with every problem at once: name, value unless it is a secret, what is expected.
 */
export function readEnvironment<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: NodeJS.ProcessEnv,
): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.keys(shape).map((name) => [name, environment[name] || undefined]))
  const result = z.object(shape).safeParse(given)
  const problems = (result.error?.issues ?? []).map(({ path: [key] }) => {
    const name = String(key)
    const value = given[name]
    const expected = expectation(shape[name] as z.ZodType)
    return `${name}: expected ${expected}, ${value === undefined ? 'it is not set' : `got ${shown(name, value)}`}`
  })
  if ('DB_PASSWORD' in shape && Boolean(given.DB_PASSWORD) === Boolean(given.DB_PASSWORD_FILE)) {
    problems.push('DB_PASSWORD, DB_PASSWORD_FILE: expected exactly one of the two')
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(problems.join('\n'))
  return result.data
}

/** The values that a schema accepts, in words: `expected` of its metadata. */
export function expectation(schema: z.ZodType): string {
  const inner =
    schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema
  return String(inner.meta()?.expected ?? 'a value')
}

const shown = (name: string, value: string) =>
  name.endsWith('PASSWORD') ? 'a secret that is not' : JSON.stringify(value)

/**
 * Where the password comes from. A file is read anew each time, so that a rotated password needs no restart; white
 * space at its end is dropped.
 */
export function passwordSource(settings: {
  DB_PASSWORD?: string | undefined
  DB_PASSWORD_FILE?: string | undefined
}): () => Promise<string> {
  const { DB_PASSWORD: password, DB_PASSWORD_FILE: file } = settings
  if (file !== undefined) return async () => (await readFile(file, 'utf8')).trimEnd()
  if (password !== undefined) return async () => password
  throw new ConfigError('DB_PASSWORD, DB_PASSWORD_FILE: expected exactly one of the two')
}
