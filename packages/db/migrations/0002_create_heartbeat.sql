-- Intent: one row that changes while the application is in use, so that a reader that is behind is found out however
-- few rows are written. The row comes with the table: both are there or neither.
-- Reversible: yes, by DROP TABLE; the release before does not use it.
-- Repeatable: yes
-- App user: SELECT, UPDATE ON heartbeat
CREATE TABLE IF NOT EXISTS heartbeat (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  beat BIGINT UNSIGNED NOT NULL,
  beaten_at DATETIME(3) NOT NULL
) ENGINE = InnoDB
SELECT 1 AS id, 0 AS beat, UTC_TIMESTAMP(3) AS beaten_at
