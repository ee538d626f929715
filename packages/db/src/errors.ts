/**
 * The database could not be asked, or gave no answer in time. Whether a statement under way was carried out is
 * unknown: a caller never reports it as done and never repeats a write.
 */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
}

/** More work is waiting, or one question is more work, than the configured bounds allow. Nothing was changed. */
export class DatabaseOverloaded extends Error {
  override readonly name = 'DatabaseOverloaded'
}

/** A setting of the environment is missing or wrong. The message lists every problem, a line each, without secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** A migration cannot be applied. The message names it and its statement; a password is never part of it. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}
