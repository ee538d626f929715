-- Intent: counts a changed time where it is now, and no longer where it was. Nothing in the application changes times; an
-- operator may.
-- Reversible: yes, by DROP TRIGGER; the counts are wrong from then on.
-- Repeatable: yes
CREATE TRIGGER IF NOT EXISTS count_changed_time AFTER UPDATE ON {{table}} FOR EACH ROW
INSERT INTO time_counts (generation, per, starts_at, part, n) VALUES
  ((SELECT generation FROM time_counting), 'minute', DATE_FORMAT(OLD.dt, '%Y-%m-%d %H:%i'), 0, -1),
  ((SELECT generation FROM time_counting), 'hour', DATE_FORMAT(OLD.dt, '%Y-%m-%d %H:00'), 0, -1),
  ((SELECT generation FROM time_counting), 'day', DATE(OLD.dt), 0, -1),
  ((SELECT generation FROM time_counting), 'minute', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:%i'), 0, 1),
  ((SELECT generation FROM time_counting), 'hour', DATE_FORMAT(NEW.dt, '%Y-%m-%d %H:00'), 0, 1),
  ((SELECT generation FROM time_counting), 'day', DATE(NEW.dt), 0, 1)
  AS changed ON DUPLICATE KEY UPDATE n = time_counts.n + changed.n
