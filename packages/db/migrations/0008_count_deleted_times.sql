-- Intent: takes what is deleted from the counts. Nothing in the application deletes times; an operator may.
-- Reversible: yes, by DROP TRIGGER; the counts are wrong from then on.
-- Repeatable: yes
CREATE TRIGGER IF NOT EXISTS count_deleted_time AFTER DELETE ON {{table}} FOR EACH ROW
INSERT INTO time_counts (generation, per, starts_at, part, n) VALUES
  ((SELECT generation FROM time_counting), 'minute', DATE_FORMAT(OLD.dt, '%Y-%m-%d %H:%i'), 0, -1),
  ((SELECT generation FROM time_counting), 'hour', DATE_FORMAT(OLD.dt, '%Y-%m-%d %H:00'), 0, -1),
  ((SELECT generation FROM time_counting), 'day', DATE(OLD.dt), 0, -1)
  ON DUPLICATE KEY UPDATE n = n - 1
