#!/usr/bin/env bash
# Promotes this reader to the writer: docker compose exec db-reader promote.sh
# First it applies every transaction it has received, because clients got acknowledgments for them. It stays promoted
# after a restart. The caller ensures that the old writer never returns, and moves its name to this server.
set -euo pipefail

applied=$(mysql --batch --skip-column-names <<'SQL'
STOP REPLICA IO_THREAD;
START REPLICA SQL_THREAD;
SELECT WAIT_FOR_EXECUTED_GTID_SET(RECEIVED_TRANSACTION_SET, 60) FROM performance_schema.replication_connection_status;
SQL
)
[ "$applied" = 0 ] || {
  printf 'Not promoted: this server is not a replica, or it could not apply what it has received within 60 s.\n' >&2
  exit 1
}
mysql <<'SQL'
STOP REPLICA;
RESET REPLICA ALL;
SET GLOBAL super_read_only = OFF;
SET GLOBAL read_only = OFF;
SQL
