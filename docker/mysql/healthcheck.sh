#!/usr/bin/env bash
# Healthy: start.sh has no reason against it (the server is not current, its data is lost, it waits for a decision), and
# the server accepts the replication user over TCP and answers a query. A server that does not replicate is
# also writable. A replica also applies what it receives, and its receiver is connected or cannot reach the source: a
# reader stays healthy while its writer is unavailable, but not when the writer refuses it. A server that is being
# initialized or cloned does not listen, so it is not healthy.
set -euo pipefail

{ read -r && IFS= read -r reason; } </run/mysqld/state
[ -z "$reason" ] || {
  printf '%s\n' "$reason"
  exit 1
}

result=$(mysql --defaults-file=<(printf '[client]\npassword="%s"\n' "$(</run/credentials/replication/password)") \
  --protocol=TCP --host=127.0.0.1 --user=replication --get-server-public-key --ssl-mode=DISABLED --connect-timeout=2 \
  --batch --skip-column-names <<'SQL'
-- 2002, 2003, 2005, 2006, 2013: the client's errors for a server that it cannot reach or has lost.
SELECT IF(COUNT(*) = 0, NOT @@GLOBAL.read_only, MIN(applier.SERVICE_STATE = 'ON' AND
  (receiver.SERVICE_STATE = 'ON' OR receiver.LAST_ERROR_NUMBER IN (2002, 2003, 2005, 2006, 2013))))
FROM performance_schema.replication_applier_status AS applier
JOIN performance_schema.replication_connection_status AS receiver USING (CHANNEL_NAME)
SQL
)
[ "$result" = 1 ] || {
  printf 'A replica that does not apply or that its source refuses, or a read-only writer\n'
  exit 1
}
