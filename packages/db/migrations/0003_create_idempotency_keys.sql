-- Intent: one row per idempotency key of a committed write, so that a repeated request is not carried out again. `id` is
-- a digest of what the key is unique in and of the key, so that rows are small and of one size. Rows of more than 25
-- hours are removed by the app, which finds them by the index.
-- Reversible: yes, by DROP TABLE; the release before does not use it.
-- Repeatable: yes
-- App user: SELECT, INSERT, DELETE ON idempotency_keys
CREATE TABLE IF NOT EXISTS idempotency_keys (
  id BINARY(16) NOT NULL PRIMARY KEY,
  fingerprint BINARY(16) NOT NULL,
  result MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL,
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  KEY by_created_at (created_at)
) ENGINE = InnoDB
