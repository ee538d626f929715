#!/usr/bin/env bash
# Runs MySQL as the topology's writer or reader: start.sh writer | reader
#
# On its first start the writer initializes its data directory and creates its users' passwords. The reader clones the
# writer's data and replicates from it. Either can lose its container or its volume at any time, in any order: the next
# start restores what is missing. See docs/decisions/0001-own-start-script-on-the-official-mysql-image.md.
set -euo pipefail

readonly volume=/var/lib/mysql credentials=/run/credentials
readonly data=$volume/data
role=${1:-}

log() { printf '%s [%s] %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$role" "$*" >&2; }

# Prints any text as a SQL string literal.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

password_of() { printf '%s' "$(<"$credentials/$1/password")"; }

# Runs the SQL on standard input as root on this server: one line per row, columns separated by tabs.
sql() { mysql --batch --skip-column-names; }

# Files and directories get their final name only when they are complete, so that the next start never mistakes the
# rest of an interrupted one for data.
initialize() {
  local directory=$1
  shift
  rm -rf "$directory"
  # --no-defaults: the plugins in my.cnf are not loaded during initialization.
  mysqld --no-defaults --initialize-insecure --datadir="$directory" "$@"
}

# --- writer ---

run_writer() {
  local user
  if [ ! -d "$data" ]; then
    log 'First start: initializing the data directory'
    initialize "$data.new"
    mv "$data.new" "$data"
  fi
  for user in app migrator replication; do ensure_password "$user"; done
  (umask 077 && users_and_grants >/run/mysqld/init.sql)
  # Runs before the server listens. Its statements are replicated through the binary log.
  exec mysqld "${options[@]}" --init-file=/run/mysqld/init.sql
}

ensure_password() {
  local file=$credentials/$1/password
  [ -s "$file" ] && return
  log "Creating a password for the user $1"
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file.new"
  # Its volume is mounted only where the password is needed, and the users there have other ids.
  chmod 0444 "$file.new"
  mv "$file.new" "$file"
}

# Idempotent and run at every start, so that the server accepts a password whose file was changed or lost.
# The replication user comes last: the server continues after an error in this file, but then the health check, which
# logs in as that user, fails.
users_and_grants() {
  local database=${DB_NAME:?} user password
  database=${database//\`/\`\`}
  printf 'CREATE DATABASE IF NOT EXISTS `%s`;\n' "$database"
  # Root logs in only through the socket, and only as this container's user mysql.
  printf "ALTER USER root@localhost IDENTIFIED WITH auth_socket AS 'mysql';\n"
  for user in app migrator replication; do
    password=$(quoted "$(password_of "$user")")
    printf "CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s;\n" "$user" "$password"
    printf "ALTER USER %s@'%%' IDENTIFIED BY %s;\n" "$user" "$password"
  done
  # In the database name of a GRANT, _ and % are wildcards.
  database=${database//_/\\_}
  printf "GRANT ALL PRIVILEGES ON \`%s\`.* TO migrator@'%%' WITH GRANT OPTION;\n" "${database//%/\\%}"
  # BACKUP_ADMIN allows the reader to clone. The health check reads the two tables.
  printf "GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO replication@'%%';\n"
  printf "GRANT SELECT ON performance_schema.replication_applier_status TO replication@'%%';\n"
  printf "GRANT SELECT ON performance_schema.replication_connection_status TO replication@'%%';\n"
}

# --- reader ---

run_reader() {
  [ -d "$data" ] || clone_data
  start_server --super-read-only --skip-replica-start
  # The server may have ended already; then supervise_replica exits with its status.
  trap 'kill -TERM "$server" 2>/dev/null || true' TERM INT
  if [ -f "$data/cloned" ] || [ -n "$(sql <<<'SELECT 1 FROM performance_schema.replication_connection_configuration')" ]; then
    replicate
    rm -f "$data/cloned"
  else
    log 'This server was promoted: it replicates from no other server and accepts writes'
    sql <<<'SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF'
  fi
  supervise_replica
}

# Copies the writer's data by means of a temporary server: CLONE is a statement. Its own data is empty and in memory.
clone_data() {
  local temporary=/tmp/temporary small=--innodb-redo-log-capacity=33554432
  log "No data: cloning from $DB_WRITE_ENDPOINT_ADDRESS"
  initialize "$temporary" "$small"
  start_server --datadir="$temporary" "$small" --skip-networking
  until clone; do
    kill -0 "$server" 2>/dev/null || exit_with_server
    sleep 1
  done
  kill -TERM "$server"
  wait "$server"
  rm -rf "$temporary"
  # Distinguishes a new copy, for which replication is not configured yet, from a promoted server, for which it is no
  # longer configured.
  : >"$data.new/cloned"
  mv "$data.new" "$data"
  log 'Cloned'
}

clone() {
  [ -s "$credentials/replication/password" ] || return
  rm -rf "$data.new"
  sql <<SQL
SET GLOBAL clone_valid_donor_list = $(quoted "$DB_WRITE_ENDPOINT_ADDRESS:3306");
CLONE INSTANCE FROM replication@$(quoted "$DB_WRITE_ENDPOINT_ADDRESS"):3306
  IDENTIFIED BY $(quoted "$(password_of replication)") DATA DIRECTORY = $(quoted "$data.new");
SQL
}

# Starts the server, sets $server to its process id, and returns when it answers on its socket.
start_server() {
  mysqld "${options[@]}" "$@" &
  server=$!
  until sql <<<'DO 1' 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || exit_with_server
    sleep 0.2
  done
}

exit_with_server() {
  local status=0
  wait "$server" || status=$?
  exit "$status"
}

replicate() {
  sql <<SQL
STOP REPLICA;
CHANGE REPLICATION SOURCE TO
  SOURCE_HOST = $(quoted "$DB_WRITE_ENDPOINT_ADDRESS"), SOURCE_PORT = 3306,
  SOURCE_USER = 'replication', SOURCE_PASSWORD = $(quoted "$(password_of replication)"), GET_SOURCE_PUBLIC_KEY = 1,
  SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0;
START REPLICA;
SQL
}

# Waits for the server to exit, and fixes what replication cannot recover from by itself. Does nothing when an operator
# stops replication or promotes the server.
supervise_replica() {
  local receiver error source known='' pause
  while kill -0 "$server" 2>/dev/null; do
    # Each look starts a client, so it is rare while the reader is connected.
    pause=2
    IFS=$'\t' read -r receiver error source < <(replication_state) || receiver=none error=0 source=''
    case $receiver,$error in
      ON,*)
        pause=10
        # Another server under the writer's name may have other data.
        if [ "$source" != "$known" ]; then
          known=$source
          shares_history || clone_again "$DB_WRITE_ENDPOINT_ADDRESS lacks transactions that this server has: its data is different"
        fi
        ;;
      # Access denied: the password file may have changed since the last login. If not, this is repeated.
      *,1045) replicate || true ;;
      # The source has purged binary logs that this server needs, or lacks transactions that this server has.
      *,13114 | *,1236) clone_again "$DB_WRITE_ENDPOINT_ADDRESS cannot supply the missing transactions" ;;
    esac
    # Until the pause or the server ends; exit_with_server reads the server's status.
    sleep "$pause" &
    wait -n "$server" $! || true
  done
  exit_with_server
}

replication_state() {
  sql 2>/dev/null <<<'SELECT SERVICE_STATE, LAST_ERROR_NUMBER, SOURCE_UUID FROM performance_schema.replication_connection_status'
}

# False only if the source says so. It can be slightly behind this server: its commits wait for the acknowledgment here.
shares_history() {
  local executed answer
  executed=$(sql <<<"SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')") || return 0
  answer=$(timeout 10 mysql --defaults-file=<(printf '[client]\npassword="%s"\n' "$(password_of replication)") \
    --host="$DB_WRITE_ENDPOINT_ADDRESS" --user=replication --get-server-public-key --connect-timeout=2 \
    --batch --skip-column-names <<<"SELECT WAIT_FOR_EXECUTED_GTID_SET('$executed', 5)") || return 0
  [ "$answer" = 0 ]
}

clone_again() {
  log "$1. Moving the data to $data.aside (replacing an earlier copy) and cloning again"
  kill -TERM "$server"
  # Its exit status does not matter, since its data is no longer used. But it must have ended, and a trapped signal
  # interrupts wait.
  while kill -0 "$server" 2>/dev/null; do wait "$server" || true; done
  rm -rf "$data.aside"
  mv "$data" "$data.aside"
  exec "$0" "$role"
}

# As PID 1, a shell ignores signals without a trap. Its exit ends every process in the container.
trap 'exit 143' TERM INT
options=(--defaults-file=/etc/my.cnf)
case $role in
  writer)
    options+=(--server-id="${SERVER_ID:-1}")
    run_writer
    ;;
  reader)
    options+=(--server-id="${SERVER_ID:-2}")
    : "${DB_WRITE_ENDPOINT_ADDRESS:?}"
    run_reader
    ;;
  *)
    log 'Usage: start.sh writer | reader'
    exit 64
    ;;
esac
