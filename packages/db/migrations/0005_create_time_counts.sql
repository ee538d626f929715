-- Intent: how many times each minute, hour and day has, so that counting takes as long with any number of rows. A count
-- is the sum of its parts: transactions that add to different parts do not wait for each other. The triggers add to part
-- 0, so that two servers on which the same statement is run have the same rows. Only the rows of the current generation
-- count; see the migration of the triggers.
-- Reversible: yes, by DROP TABLE, after the triggers of the migrations that follow; the release before does not use it.
-- Repeatable: yes
-- App user: SELECT, INSERT, UPDATE ON time_counts
CREATE TABLE IF NOT EXISTS time_counts (
  generation INT UNSIGNED NOT NULL,
  per ENUM('minute', 'hour', 'day') NOT NULL,
  starts_at DATETIME NOT NULL,
  part TINYINT UNSIGNED NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (generation, per, starts_at, part)
) ENGINE = InnoDB
