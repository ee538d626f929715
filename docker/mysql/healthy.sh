#!/usr/bin/env bash
# Healthy: it lets the replication user in over TCP and answers; a server that follows another applies what it gets,
# one that follows nobody accepts writes. Servers that initialise or seed do not listen, and so fail.
set -euo pipefail

verdict=$(mysql --defaults-file=<(printf '[client]\npassword="%s"\n' "$(</run/credentials/replication/password)") \
  --protocol=TCP --host=127.0.0.1 --user=replication --get-server-public-key --ssl-mode=DISABLED --connect-timeout=2 \
  --batch --skip-column-names <<'SQL'
SELECT IF(COUNT(*) = 0, NOT @@GLOBAL.read_only, MIN(SERVICE_STATE = 'ON'))
FROM performance_schema.replication_applier_status
SQL
)
[ "$verdict" = 1 ] || {
  printf 'follows another but does not apply, or is the writer but read-only\n'
  exit 1
}
