-- Intent: counts what is inserted, by whatever program. One that counts many rows in one statement of its own, in the
-- same transaction and after it has inserted them, sets @times_counted. TRUNCATE runs no trigger, so the counts of a
-- table without another row are those from before one: the row begins the next generation, unless another transaction
-- has done so since this one has looked. That rows can be seen, and counts too, is decided at one time, without waiting
-- for other transactions. (To delete the counts instead would be replicated row by row.) MySQL locks a table for the
-- strongest use that a trigger makes of it under one name: reads of time_counting have another than the change, or each
-- transaction that inserts would keep out all others.
-- Reversible: yes, by DROP TRIGGER; the counts are wrong from then on.
-- Repeatable: yes
CREATE TRIGGER IF NOT EXISTS count_inserted_time AFTER INSERT ON {{table}} FOR EACH ROW
BEGIN
  DECLARE earlier BIGINT UNSIGNED;
  DECLARE truncated INT UNSIGNED;
  SELECT MAX(id) INTO earlier FROM {{table}} WHERE id < NEW.id;
  IF earlier IS NULL THEN
    SELECT MAX(generation) INTO truncated FROM time_counting AS counting
    WHERE (SELECT MAX(id) FROM {{table}} WHERE id < NEW.id) IS NULL AND (SELECT MIN(id) FROM {{table}} WHERE id > NEW.id) IS NULL
      AND (SELECT SUM(n) FROM time_counts AS counted WHERE counted.generation = counting.generation AND per = 'day') > 0;
    IF truncated IS NOT NULL THEN
      UPDATE time_counting SET generation = generation + 1 WHERE generation = truncated;
    END IF;
  END IF;
  IF @times_counted IS NULL THEN
    INSERT INTO time_counts (generation, per, starts_at, part, n) VALUES
      ((SELECT generation FROM time_counting AS counting), 'minute', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:%i'), 0, 1),
      ((SELECT generation FROM time_counting AS counting), 'hour', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:00'), 0, 1),
      ((SELECT generation FROM time_counting AS counting), 'day', DATE(NEW.dt), 0, 1)
      ON DUPLICATE KEY UPDATE n = n + 1;
  END IF;
END
