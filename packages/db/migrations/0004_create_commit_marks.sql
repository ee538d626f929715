-- Intent: one row per connection that writes, with the number of its latest committed transaction. It is written in that
-- transaction. Servers apply transactions in order, so a server that has a number has everything committed before it.
-- `id` identifies the connection.
-- Reversible: yes, by DROP TABLE; the release before does not use it.
-- Repeatable: yes
-- App user: SELECT, INSERT, UPDATE, DELETE ON commit_marks
CREATE TABLE IF NOT EXISTS commit_marks (
  id BINARY(8) NOT NULL PRIMARY KEY,
  number BIGINT UNSIGNED NOT NULL,
  marked_at DATETIME(3) NOT NULL
) ENGINE = InnoDB
