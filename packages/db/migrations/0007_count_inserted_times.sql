-- Intent: counts what is inserted, by whatever program. One that counts many rows in one statement of its own, in the
-- same transaction, sets @times_counted. TRUNCATE runs no trigger: the first row afterwards, which has the id 1, begins
-- the next generation. (To delete the counts instead would be replicated row by row.)
-- Reversible: yes, by DROP TRIGGER; the counts are wrong from then on.
-- Repeatable: yes
CREATE TRIGGER IF NOT EXISTS count_inserted_time AFTER INSERT ON {{table}} FOR EACH ROW
BEGIN
  IF NEW.id = 1 AND NOT EXISTS (SELECT 1 FROM {{table}} WHERE id > 1) THEN
    UPDATE time_counting SET generation = generation + 1;
  END IF;
  IF @times_counted IS NULL THEN
    INSERT INTO time_counts (generation, per, starts_at, part, n) VALUES
      ((SELECT generation FROM time_counting), 'minute', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:%i'), 0, 1),
      ((SELECT generation FROM time_counting), 'hour', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:00'), 0, 1),
      ((SELECT generation FROM time_counting), 'day', DATE(NEW.dt), 0, 1)
      ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END
