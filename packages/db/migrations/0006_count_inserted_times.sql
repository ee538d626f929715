-- Intent: counts what is inserted, by whatever program. One that counts many rows in one statement of its own, in the
-- same transaction, sets @times_counted. TRUNCATE runs no trigger: the first row afterwards, which has the id 1, removes
-- the counts of the rows before.
-- Reversible: yes, by DROP TRIGGER; the counts are wrong from then on.
-- Repeatable: yes
CREATE TRIGGER IF NOT EXISTS count_inserted_time AFTER INSERT ON {{table}} FOR EACH ROW
BEGIN
  IF NEW.id = 1 AND NOT EXISTS (SELECT 1 FROM {{table}} WHERE id > 1) THEN
    DELETE FROM time_counts;
  END IF;
  IF @times_counted IS NULL THEN
    INSERT INTO time_counts (per, starts_at, part, n) VALUES
      ('minute', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:%i'), 0, 1),
      ('hour', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:00'), 0, 1),
      ('day', DATE(NEW.dt), 0, 1)
      ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END
