-- Intent: one row with the current generation of time_counts. The row comes with the table: both are there or neither.
-- Reversible: yes, by DROP TABLE, after the triggers of the migrations that follow; the release before does not use it.
-- Repeatable: yes
-- App user: SELECT ON time_counting
CREATE TABLE IF NOT EXISTS time_counting (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  generation INT UNSIGNED NOT NULL
) ENGINE = InnoDB
SELECT 1 AS id, 1 AS generation
