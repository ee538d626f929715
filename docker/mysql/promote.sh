#!/usr/bin/env bash
# Makes this reader the writer: docker compose exec db-reader promote.sh
# First it applies all it has received, because those transactions were acknowledged to clients. It stays promoted
# over restarts. The old writer must be gone for good; moving its name here is the caller's part.
set -euo pipefail

applied=$(mysql --batch --skip-column-names <<'SQL'
STOP REPLICA IO_THREAD;
START REPLICA SQL_THREAD;
SELECT WAIT_FOR_EXECUTED_GTID_SET(RECEIVED_TRANSACTION_SET, 60) FROM performance_schema.replication_connection_status;
SQL
)
[ "$applied" = 0 ] || {
  printf 'Not promoted: it follows nobody, or what it has received could not be applied within 60 s.\n' >&2
  exit 1
}
mysql <<'SQL'
STOP REPLICA;
RESET REPLICA ALL;
SET GLOBAL super_read_only = OFF;
SET GLOBAL read_only = OFF;
SQL
