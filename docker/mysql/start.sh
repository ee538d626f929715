#!/usr/bin/env bash
# Runs MySQL as the stack's writer or reader: start.sh writer | reader
#
# The writer makes its data and its users' passwords on its first start. The reader copies the writer's data
# (CLONE) and follows it. Either can lose its container or its volume at any time, in any order: the next start
# supplies what is missing. See docs/decisions/0001-own-start-script-on-the-official-mysql-image.md.
set -euo pipefail

readonly volume=/var/lib/mysql credentials=/run/credentials
readonly data=$volume/data
role=${1:-}

say() { printf '%s [%s] %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$role" "$*" >&2; }

# A SQL string of any text.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

password_of() { printf '%s' "$(<"$credentials/$1/password")"; }

# Runs the SQL of standard input as root on this server: one line per row, columns apart by tabs.
sql() { mysql --batch --skip-column-names; }

# Whatever is made here appears under its final name only when complete: an interrupted start leaves nothing behind
# that the next one could take for data.
initialize() {
  local directory=$1
  shift
  rm -rf "$directory"
  # Bare: the plugins that my.cnf configures are not loaded while initialising.
  mysqld --no-defaults --initialize-insecure --datadir="$directory" "$@"
}

# --- writer ---

run_writer() {
  local user
  if [ ! -d "$data" ]; then
    say 'First start: making the data directory'
    initialize "$data.new"
    mv "$data.new" "$data"
  fi
  for user in app migrator replication; do ensure_password "$user"; done
  (umask 077 && users_and_rights >/run/mysqld/init.sql)
  # Runs before the server listens. Its statements reach the reader through the binary log.
  exec mysqld "${options[@]}" --init-file=/run/mysqld/init.sql
}

ensure_password() {
  local file=$credentials/$1/password
  [ -s "$file" ] && return
  say "Making a password for the user $1"
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file.new"
  # Its volume is mounted only where the password is needed; the users there have other ids.
  chmod 0444 "$file.new"
  mv "$file.new" "$file"
}

# Idempotent, and so repeated at every start: a password file that changed or was lost is in step again.
# The replication user comes last: the server goes on after an error in the file, but then the health check,
# which logs in as that user, tells.
users_and_rights() {
  local database=${DB_NAME:?} user password
  database=${database//\`/\`\`}
  printf 'CREATE DATABASE IF NOT EXISTS `%s`;\n' "$database"
  # Root only through the socket, and only as this container's user mysql.
  printf "ALTER USER root@localhost IDENTIFIED WITH auth_socket AS 'mysql';\n"
  for user in app migrator replication; do
    password=$(quoted "$(password_of "$user")")
    printf "CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s;\n" "$user" "$password"
    printf "ALTER USER %s@'%%' IDENTIFIED BY %s;\n" "$user" "$password"
  done
  # In the name of a granted database, _ and % are wildcards.
  database=${database//_/\\_}
  printf "GRANT ALL PRIVILEGES ON \`%s\`.* TO migrator@'%%' WITH GRANT OPTION;\n" "${database//%/\\%}"
  # BACKUP_ADMIN lets the reader clone; the tables are what the health check reads.
  printf "GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO replication@'%%';\n"
  printf "GRANT SELECT ON performance_schema.replication_applier_status TO replication@'%%';\n"
  printf "GRANT SELECT ON performance_schema.replication_connection_status TO replication@'%%';\n"
}

# --- reader ---

run_reader() {
  [ -d "$data" ] || seed
  start_server --super-read-only --skip-replica-start
  # It may be gone already: then "tend" ends with its status.
  trap 'kill -TERM "$server" 2>/dev/null || true' TERM INT
  if [ -f "$data/seeded" ] || [ -n "$(sql <<<'SELECT 1 FROM performance_schema.replication_connection_configuration')" ]; then
    follow
    rm -f "$data/seeded"
  else
    say 'This server was promoted: it follows nobody and accepts writes'
    sql <<<'SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF'
  fi
  tend
}

# Copies the writer's data with a scratch server: empty, in memory, thrown away afterwards.
seed() {
  local scratch=/tmp/scratch small=--innodb-redo-log-capacity=33554432
  say "No data yet: seeding from $DB_WRITE_ENDPOINT_ADDRESS"
  initialize "$scratch" "$small"
  start_server --datadir="$scratch" "$small" --skip-networking
  until clone; do
    kill -0 "$server" 2>/dev/null || die_with_server
    sleep 1
  done
  kill -TERM "$server"
  wait "$server"
  rm -rf "$scratch"
  # Tells a fresh copy, which follows nobody yet, from a promoted server, which follows nobody any more.
  : >"$data.new/seeded"
  mv "$data.new" "$data"
  say 'Seeded'
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

# Sets $server to the process id, once it answers on its socket.
start_server() {
  mysqld "${options[@]}" "$@" &
  server=$!
  until sql <<<'DO 1' 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || die_with_server
    sleep 0.2
  done
}

die_with_server() {
  local status=0
  wait "$server" || status=$?
  exit "$status"
}

follow() {
  sql <<SQL
STOP REPLICA;
CHANGE REPLICATION SOURCE TO
  SOURCE_HOST = $(quoted "$DB_WRITE_ENDPOINT_ADDRESS"), SOURCE_PORT = 3306,
  SOURCE_USER = 'replication', SOURCE_PASSWORD = $(quoted "$(password_of replication)"), GET_SOURCE_PUBLIC_KEY = 1,
  SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0;
START REPLICA;
SQL
}

# Waits for the server's end, and mends what replication cannot mend by itself.
# An operator who stops replication, or promotes the server, is left in peace.
tend() {
  local receiver error source known=''
  while kill -0 "$server" 2>/dev/null; do
    IFS=$'\t' read -r receiver error source < <(replication_state) || receiver=none error=0 source=''
    case $receiver,$error in
      ON,*)
        # Another server under the writer's name may have another history.
        if [ "$source" != "$known" ]; then
          known=$source
          shares_history || seed_anew "$DB_WRITE_ENDPOINT_ADDRESS lacks transactions that are here: it has other data"
        fi
        ;;
      # Access denied: the password file may be newer than what we logged in with. Where that fails too, in 2 s again.
      *,1045) follow || true ;;
      # The source no longer has the binary logs that we lack, or we have transactions that it lacks.
      *,13114 | *,1236) seed_anew "$DB_WRITE_ENDPOINT_ADDRESS cannot supply what is missing here" ;;
    esac
    # Whichever ends first; the server's own status is read when it is gone.
    sleep 2 &
    wait -n "$server" $! || true
  done
  die_with_server
}

replication_state() {
  sql 2>/dev/null <<<'SELECT SERVICE_STATE, LAST_ERROR_NUMBER, SOURCE_UUID FROM performance_schema.replication_connection_status'
}

# False only when the source says so. It may be a moment behind us: a commit waits there for our receipt.
shares_history() {
  local executed answer
  executed=$(sql <<<"SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')") || return 0
  answer=$(timeout 10 mysql --defaults-file=<(printf '[client]\npassword="%s"\n' "$(password_of replication)") \
    --host="$DB_WRITE_ENDPOINT_ADDRESS" --user=replication --get-server-public-key --connect-timeout=2 \
    --batch --skip-column-names <<<"SELECT WAIT_FOR_EXECUTED_GTID_SET('$executed', 5)") || return 0
  [ "$answer" = 0 ]
}

seed_anew() {
  say "$1. Setting the data aside as $data.aside (replacing an earlier one) and seeding anew"
  kill -TERM "$server"
  # However it ends: this data is not used any more. But it must have ended, and a trapped signal ends a wait before.
  while kill -0 "$server" 2>/dev/null; do wait "$server" || true; done
  rm -rf "$data.aside"
  mv "$data" "$data.aside"
  exec "$0" "$role"
}

# A shell that is PID 1 ignores signals it has no trap for; ending it ends everything in the container.
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
    say 'Usage: start.sh writer | reader'
    exit 64
    ;;
esac
