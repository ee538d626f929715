#!/usr/bin/env bash
# Healthy: it lets the replication user in over TCP and answers; one that follows nobody accepts writes; one that follows
# another applies what it gets, and is connected or cannot reach the other at all. So a reader is not ill because its
# writer is away, but is when the writer refuses it; three failures in a row, 15 s, make it unhealthy. Servers that
# initialise or seed do not listen, and so fail.
set -euo pipefail

verdict=$(mysql --defaults-file=<(printf '[client]\npassword="%s"\n' "$(</run/credentials/replication/password)") \
  --protocol=TCP --host=127.0.0.1 --user=replication --get-server-public-key --ssl-mode=DISABLED --connect-timeout=2 \
  --batch --skip-column-names <<'SQL'
-- 2002 to 2013: the client's errors of a server that is not there, or not any more.
SELECT IF(COUNT(*) = 0, NOT @@GLOBAL.read_only, MIN(applier.SERVICE_STATE = 'ON' AND
  (receiver.SERVICE_STATE = 'ON' OR receiver.LAST_ERROR_NUMBER IN (2002, 2003, 2005, 2006, 2013))))
FROM performance_schema.replication_applier_status AS applier
JOIN performance_schema.replication_connection_status AS receiver USING (CHANNEL_NAME)
SQL
)
[ "$verdict" = 1 ] || {
  printf 'follows another but does not apply or is refused by it, or is the writer but read-only\n'
  exit 1
}
