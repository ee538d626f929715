-- Intent: counts again what is stored: the trigger before this release missed a TRUNCATE if the first row afterwards was
-- rolled back, or if another was stored meanwhile. It reads the whole table, which takes about a minute per 100 million
-- rows, and blocks nobody.
-- Reversible: yes: by none, the counts are right.
-- Repeatable: yes
INSERT INTO time_counts (generation, per, starts_at, part, n)
WITH minutes AS (
  SELECT DATE_FORMAT(dt, '%Y-%m-%d %H:%i') AS starts_at, COUNT(*) AS n FROM {{table}} GROUP BY 1
), counted AS (
  SELECT 'minute' AS per, CAST(starts_at AS DATETIME) AS starts_at, n FROM minutes
  UNION ALL SELECT 'hour', CAST(CONCAT(LEFT(starts_at, 13), ':00') AS DATETIME), n FROM minutes
  UNION ALL SELECT 'day', CAST(LEFT(starts_at, 10) AS DATETIME), n FROM minutes
  UNION ALL SELECT per, starts_at, -n FROM time_counts WHERE generation = (SELECT generation FROM time_counting WHERE id = 1)
)
SELECT (SELECT generation FROM time_counting WHERE id = 1), per, starts_at, 0, SUM(n) FROM counted GROUP BY per, starts_at HAVING SUM(n) <> 0
ON DUPLICATE KEY UPDATE n = time_counts.n + VALUES(n)
