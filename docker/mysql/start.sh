#!/usr/bin/env bash
# Runs one of the topology's two MySQL servers: start.sh writer | reader
#
# The epoch volume names the current server and its epoch; it stands for Aurora's control plane. Only the current
# server accepts writes, and only while it holds the lock on that volume. Every other server is super_read_only: the
# reader replicates from the current server by itself, the writer on request. Data is set aside, never removed.
# See docs/decisions/0068-one-writer-by-an-epoch-and-a-lock.md.
set -euo pipefail

readonly volume=/var/lib/mysql reader_volume=/var/lib/db-reader epochs=/var/lib/db-epoch credentials=/run/credentials run=/run/mysqld
readonly data=$volume/data one_copy=$epochs/one-copy
role=${1:-}
server='' watcher='' mode=starting reason='' known='' listens='' resume_at=0
follow_requested='' may_set_aside=''

log() { printf '%s [%s] %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$role" "$*" >&2; }

# What the health check and `npm run status` read. With a reason the server is unhealthy.
set_state() {
  local changed=''
  [ "$1 ${2:-}" = "$mode $reason" ] || changed=1
  mode=$1 reason=${2:-}
  printf '%s\n%s\n' "$mode" "$reason" >"$run/state.new"
  mv "$run/state.new" "$run/state"
  [ -z "$changed" ] || log "State: $mode${reason:+. $reason}"
}

# Prints any text as a SQL string literal.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

password_of() { printf '%s' "$(<"$credentials/$1/password")"; }

# Runs the SQL on standard input as root on this server: one line per row, columns separated by tabs.
sql() { mysql --batch --skip-column-names; }

# The same as the replication user on a server: sql_on HOST SECONDS
sql_on() {
  timeout "$2" mysql --defaults-file=<(printf '[client]\npassword="%s"\n' "$(password_of replication)") \
    --host="$1" --user=replication --get-server-public-key --connect-timeout=2 --batch --skip-column-names
}

sql_on_other() { sql_on "$other_host" 15; }

# A file has either its old or its new text, also after a crash of the machine.
write_file() {
  printf '%s\n' "$2" >"$1.new"
  sync "$1.new"
  mv "$1.new" "$1"
  sync "${1%/*}"
}

# --- epoch and lock ---

# Sets $current and $epoch (empty and 0: the epoch volume is empty) and $data_epoch (empty: no epoch or no data).
read_epochs() {
  current='' epoch=0 data_epoch=''
  [ ! -f "$epochs/current" ] || read -r current epoch <"$epochs/current"
  [ ! -f "$data/epoch" ] || read -r data_epoch <"$data/epoch"
}

# The lock belongs to the open file description, which mysqld inherits: it is held until this script releases it, or
# both have ended. A frozen process holds it. The descriptor is of the directory, which cannot be replaced.
take_lock() { flock --exclusive --timeout "$1" 9; }
release_lock() { flock --unlock 9; }

make_current() {
  write_file "$data/epoch" "$1"
  write_file "$epochs/current" "$role $1"
  read_epochs
}

# Requires the lock. Until the users are complete, only root can write.
become_writable() {
  listen
  # The other server can lack what a crash has left here.
  mark_one_copy
  sql <<<'STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only = ON; SET GLOBAL super_read_only = OFF'
  if [ "$role" = writer ]; then
    (
      # No rotation changes the password meanwhile.
      flock --timeout 150 8
      for user in app migrator replication; do ensure_password "$user"; done
      users_and_grants | sql
    ) 8<"$credentials/app"
  fi
  sql <<<'SET GLOBAL read_only = OFF'
  follow_requested='' may_set_aside=''
  set_state writable
  start_watcher
}

# Commits in progress end first; the watcher lets them. A server that is not current waits for no acknowledgment.
become_read_only() {
  sql <<<'SET GLOBAL super_read_only = ON' || return 1
  stop_watcher
  sql <<<'SET GLOBAL rpl_semi_sync_source_enabled = OFF'
}

# --- copies ---

# The mark `one-copy` in the epoch volume names the current server, and since when the other one may lack what it has
# acknowledged. It is there before the first such acknowledgment.
mark_one_copy() {
  local marked=''
  [ ! -f "$one_copy" ] || read -r marked _ <"$one_copy"
  [ "$marked" = "$role" ] || write_file "$one_copy" "$role $(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

# MySQL itself always waits for the reader (my.cnf). The watcher decides when this server goes on alone, after it has left
# the mark: at once without a connected reader, and after up to a second without an acknowledgment. It ends with its one
# client, and is started again.
start_watcher() {
  watch_copies &
  watcher=$!
}

stop_watcher() {
  end_child "$watcher"
  watcher=''
}

# end_child PID: ends it and waits until it has ended. It may have ended already, its exit status does not matter, and a
# trapped signal interrupts wait.
end_child() {
  kill -TERM "$1" 2>/dev/null || true
  while kill -0 "$1" 2>/dev/null; do wait "$1" || true; done
}

readonly semi_sync="SELECT CONCAT_WS(' ', @@GLOBAL.rpl_semi_sync_source_timeout,
  GROUP_CONCAT(VARIABLE_VALUE ORDER BY VARIABLE_NAME SEPARATOR ' ')) FROM performance_schema.global_status
  WHERE VARIABLE_NAME IN ('Rpl_semi_sync_source_clients', 'Rpl_semi_sync_source_status',
    'Rpl_semi_sync_source_wait_sessions', 'Rpl_semi_sync_source_yes_tx')"

watch_copies() {
  local stopping='' to from answer timeout clients status waiting acknowledged before='' unchanged=0
  trap 'stopping=1' TERM
  trap '' PIPE
  exec 9<&-
  coproc db { exec mysql --unbuffered --batch --skip-column-names; }
  to=${db[1]} from=${db[0]}
  tell 'SET GLOBAL rpl_semi_sync_source_enabled = ON'
  while [ -z "$stopping" ] && ask "$semi_sync"; do
    read -r timeout clients status waiting acknowledged <<<"$answer"
    if ((waiting > 0)) && [ "$acknowledged" = "$before" ]; then unchanged=$((unchanged + 1)); else unchanged=0; fi
    before=$acknowledged
    if [ "$status" = ON ] && { ((clients == 0)) || ((unchanged >= 3)); }; then
      # A shorter timeout was set by hand: MySQL decides.
      [ "$timeout" != 4294967295 ] || go_on_alone
    elif ((clients == 0)); then
      mark_one_copy
    elif [ "$status" != ON ] || [ -f "$one_copy" ]; then
      mark_one_copy
      wait_for_reader
    fi
    # A pause without a process. There is nothing to read, until the client has ended.
    read -t 0.25 -r -u "$from" answer || (($? > 128)) || break
  done
  [ -n "$stopping" ] || sleep 1
}

tell() { printf '%s;\n' "$1" >&"$to"; }
ask() { tell "$1" && read -t 5 -r -u "$from" answer; }

# Without a connected reader, MySQL ends the waits when it must not wait any more.
go_on_alone() {
  mark_one_copy
  tell 'SET GLOBAL rpl_semi_sync_source_wait_no_replica = ON, GLOBAL rpl_semi_sync_source_wait_no_replica = OFF'
  ask "SELECT IFNULL(GROUP_CONCAT('KILL ', ID SEPARATOR '; '), 'DO 0') FROM performance_schema.processlist
    WHERE COMMAND LIKE 'Binlog Dump%'" && tell "$answer"
}

# From the change of the variable on, each commit waits: if the reader has all that began before, it has everything.
wait_for_reader() {
  reader_has_all || return 0
  tell 'SET GLOBAL rpl_semi_sync_source_wait_no_replica = OFF, GLOBAL rpl_semi_sync_source_wait_no_replica = ON'
  if reader_has_all && [ "$status" = ON ]; then rm -f "$one_copy"; fi
}

# Asks the reader that acknowledges, not a name. What it has received it applies, also when it is promoted.
reader_has_all() {
  local host set
  ask "SELECT CONCAT_WS(' ', (SELECT HOST FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%' LIMIT 1),
    (SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_status'),
    REGEXP_REPLACE(CONCAT(@@GLOBAL.gtid_owned, ',', @@GLOBAL.gtid_executed), '#[0-9]+|[[:space:]]', ''))" || return 1
  read -r host status set <<<"$answer"
  [ "$(sql_on "${host%:*}" 2 2>/dev/null <<<"SELECT GTID_SUBSET('$set', CONCAT(@@GLOBAL.gtid_executed, ',', RECEIVED_TRANSACTION_SET))
    FROM performance_schema.replication_connection_status")" = 1 ]
}

# --- data ---

# Files and directories get their final name only when they are complete, so that the next start never mistakes the
# rest of an interrupted one for data.
initialize() {
  local directory=$1
  shift
  rm -rf "$directory"
  # --no-defaults: the plugins in my.cnf are not loaded during initialization.
  mysqld --no-defaults --initialize-insecure --datadir="$directory" "$@"
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

# Idempotent and run whenever the writer becomes writable, so that the server accepts a password whose file was changed
# or lost.
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
  # Its triggers run with its rights, also when root corrects rows of a reader, which is read-only for others.
  printf "GRANT CONNECTION_ADMIN ON *.* TO migrator@'%%';\n"
  # BACKUP_ADMIN allows the other server to clone. The health check reads the two tables.
  printf "GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO replication@'%%';\n"
  printf "GRANT SELECT ON performance_schema.replication_applier_status TO replication@'%%';\n"
  printf "GRANT SELECT ON performance_schema.replication_connection_status TO replication@'%%';\n"
}

# Copies the current server's data by means of a temporary server: CLONE is a statement. Its own data is empty and in
# memory. Gives up when the other server is not current any more.
clone_data() {
  local temporary=/tmp/temporary small=--innodb-redo-log-capacity=33554432
  [ -s "$credentials/replication/password" ] || return 0
  [ "$(sql_on_other 2>/dev/null <<<'SELECT @@GLOBAL.super_read_only')" = 0 ] || return 0
  log "No data: cloning from $other_host"
  initialize "$temporary" "$small"
  start_server --datadir="$temporary" "$small" --skip-networking
  rm -rf "$data.new"
  if sql <<SQL
SET GLOBAL clone_valid_donor_list = $(quoted "$other_host:3306");
CLONE INSTANCE FROM replication@$(quoted "$other_host"):3306
  IDENTIFIED BY $(quoted "$(password_of replication)") DATA DIRECTORY = $(quoted "$data.new");
SQL
  then
    printf '%s\n' "$epoch" >"$data.new/epoch"
    mv "$data.new" "$data"
    log 'Cloned'
  fi
  stop_server
  rm -rf "$temporary"
}

set_aside() {
  local aside
  aside=$data.$(date -u +%Y-%m-%dT%H-%M-%SZ)
  log "$1. Moving the data to $aside and cloning again"
  stop_server
  mv "$data" "$aside"
}

# --- server ---

# Starts the server, sets $server to its process id, and returns when it answers on its socket.
start_server() {
  mysqld "${options[@]}" --super-read-only --skip-replica-start "$@" &
  server=$!
  until sql <<<'DO 1' 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || exit_with_server
    sleep 0.2
  done
}

# To start it again.
stop_server() {
  end_child "$server"
  server='' known='' listens=''
  [ -z "$terminating" ] || exit 143
}

exit_with_server() {
  local status=0
  wait "$server" || status=$?
  exit "$status"
}

# MySQL upgrades the data of an older version when it starts, and never starts on that of a newer one. Waits then: a
# container that ended would be started again without end.
require_older_data() {
  local history=$data/mysql_upgrade_history of own
  [ -f "$history" ] && [[ $(<"$history") =~ .*\"version\":\ *\"([0-9]+)\.([0-9]+) ]] || return 0
  of=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}
  [[ $(mysqld --version) =~ Ver\ ([0-9]+)\.([0-9]+) ]]
  own=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}
  [ "$(printf '%s\n' "$of" "$own" | sort -V | tail -n 1)" != "$own" ] || return 0
  set_state waiting "The data is of MySQL $of, which this server of MySQL $own cannot read. To use it: set MYSQL_IMAGE in .env to an image of MySQL $of and start again. To remove it: npm run reset"
  while :; do
    sleep 60 &
    # A trapped signal interrupts it.
    wait $! || true
  done
}

# The app reaches the current server under the writer's name, which can still lead here as well: a writer that is not
# current refuses connections, so that clients try the next address.
start_with_data() {
  if [ "$role" = writer ] && [ "$current $data_epoch" != "writer $epoch" ] && [ -z "$follow_requested" ]; then
    start_server --bind-address=127.0.0.1
  else
    start_server
    listens=1
  fi
}

listen() {
  [ -z "$listens" ] || return 0
  [ -z "$server" ] || stop_server
  start_server
  listens=1
}

# --- replica ---

# Discards what was received and not applied, so the other server must have it.
replicate() {
  sql <<SQL
STOP REPLICA;
CHANGE REPLICATION SOURCE TO
  SOURCE_HOST = $(quoted "$other_host"), SOURCE_PORT = 3306,
  SOURCE_USER = 'replication', SOURCE_PASSWORD = $(quoted "$(password_of replication)"), GET_SOURCE_PUBLIC_KEY = 1,
  SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0;
START REPLICA;
SQL
}

# The password file may have changed. The applier goes on, so that nothing that was received is discarded.
log_in_again() {
  sql <<SQL
STOP REPLICA IO_THREAD;
CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = $(quoted "$(password_of replication)");
START REPLICA IO_THREAD;
SQL
}

replication_state() {
  sql 2>/dev/null <<<'SELECT SERVICE_STATE, LAST_ERROR_NUMBER, SOURCE_UUID FROM performance_schema.replication_connection_status'
}

# True for a server that replicates, or did until it was stopped.
is_replica() { [ -n "$(sql <<<'SELECT 1 FROM performance_schema.replication_connection_configuration')" ]; }

applies() { [ "$(sql <<<'SELECT SERVICE_STATE FROM performance_schema.replication_applier_status')" = ON ]; }

executed() { sql <<<"SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')"; }

# Prints whether the other server has every transaction of this one: yes, no, or unknown if it does not answer. It can
# be slightly behind this server: its commits wait for the acknowledgment here.
other_has_all() {
  local answer
  answer=$(sql_on_other 2>/dev/null <<<"SELECT WAIT_FOR_EXECUTED_GTID_SET('$(executed)', 5)") || answer=''
  case $answer in
    0) printf yes ;;
    1) printf no ;;
    *) printf unknown ;;
  esac
}

# Follows the current server: clones it without data, else replicates. One step; the main loop repeats it.
follow() {
  local receiver error source
  if [ ! -d "$data" ]; then
    [ "$mode" = cloning ] || set_state cloning
    clone_data
    [ ! -d "$data" ] || start_with_data
    return 0
  fi
  listen
  case $mode in
    replica) ;;
    *)
      case $(other_has_all) in
        no)
          diverged
          return 0
          ;;
        yes) replicate ;;
        # What was received may be nowhere else. Without a source, replication is not configured yet.
        unknown) sql <<<'START REPLICA' 2>/dev/null || replicate ;;
      esac
      known=''
      set_state replica
      ;;
  esac
  # Each look starts a client, so it is rare while the replica is connected.
  IFS=$'\t' read -r receiver error source < <(replication_state) || receiver=none error=0 source=''
  case $receiver,$error in
    ON,*)
      pause=10
      # Another server under the source's name may have other data.
      [ "$source" != "$known" ] || return 0
      case $(other_has_all) in
        yes)
          known=$source may_set_aside=''
          [ "$data_epoch" = "$epoch" ] || write_file "$data/epoch" "$epoch"
          # After a crash the end of the relay log can be incomplete.
          applies || replicate
          ;;
        no) diverged ;;
      esac
      ;;
    # Access denied: the password file may have changed since the last login. If not, this is repeated; what fails in
    # between could leave the receiver stopped, so replication is then started as at the beginning. This server
    # itself has its source's name until the endpoint names are moved.
    *,1045 | *,13117) log_in_again || mode=starting ;;
    # The source has purged binary logs that this server needs, or lacks transactions that this server has.
    *,13114 | *,1236)
      case $(other_has_all) in
        yes) set_aside "$other_host has purged transactions that this server needs" ;;
        no) diverged ;;
      esac
      ;;
  esac
}

diverged() {
  if [ -n "$may_set_aside" ]; then
    may_set_aside=''
    set_aside "$other_host lacks transactions that this server has"
    return 0
  fi
  # Repeated by the next look.
  sql <<<'STOP REPLICA' || log 'Replication could not be stopped'
  pause=10
  set_state diverged "$other_host lacks transactions that this server has. They are kept. To decide: npm run rejoin"
}

# --- requests of request.sh ---

handle_request() {
  local verb='' argument=''
  [ -f "$run/request" ] || return 0
  # It fails without a newline, and has read what is there all the same.
  read -r verb argument <"$run/request" || true
  rm -f "$run/request"
  read_epochs
  case $verb in
    promote) promote "$argument" ;;
    step-down) step_down ;;
    follow)
      follow_requested=1 may_set_aside=$argument
      reply 0 'Requested'
      ;;
    *) reply 64 "Unknown request: $verb" ;;
  esac
}

reply() {
  log "Request answered: $2"
  printf '%s %s\n' "$1" "$2" >"$run/result.new"
  mv "$run/result.new" "$run/result"
}

# Makes this server the current one. The old one is gone or has stepped down, because this server gets the lock.
promote() {
  local new
  if [ "$mode" = writable ]; then
    reply 0 "This server is the current one, epoch $epoch"
  elif [ -z "$server" ] || [ ! -d "$data" ]; then
    reply 1 'Not promoted: this server has no data.'
  elif [ -n "$current" ] && [ "$current" != "$role" ] && ((${data_epoch:-0} < epoch)) && [ "$1" != stale ]; then
    reply 1 "Not promoted: this data has not followed epoch $epoch. Run: npm run rejoin"
  elif ! take_lock 10; then
    reply 1 "Not promoted: db-$other still runs and holds the lock. Run: docker compose kill db-$other"
  elif ! catch_up "$1"; then
    release_lock
    known='' mode=starting
    reply 1 'Not promoted: this server could not apply what the other one has or has sent within 60 s.'
  else
    read_epochs
    new=$((epoch > ${data_epoch:-0} ? epoch + 1 : ${data_epoch:-0} + 1))
    make_current "$new"
    become_writable
    reply 0 "This server is the current one, epoch $new"
  fi
}

# Applies all that was received, because clients got acknowledgments for it, and all that the other server has if it
# answers: it cannot commit any more. Data that diverged from this one's cannot be applied.
catch_up() {
  local set=''
  if [ "$1" != diverged ]; then
    set=$(sql_on_other 2>/dev/null <<<"SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')") || set=''
  fi
  [ "$(sql <<<"SELECT WAIT_FOR_EXECUTED_GTID_SET('$set', 60)")" = 0 ] || return 1
  is_replica || return 0
  [ "$(sql <<'SQL'
STOP REPLICA IO_THREAD;
START REPLICA SQL_THREAD;
SELECT WAIT_FOR_EXECUTED_GTID_SET(RECEIVED_TRANSACTION_SET, 60) FROM performance_schema.replication_connection_status;
SQL
  )" = 0 ]
}

# Lets the other server take over. Without a takeover this server becomes writable again.
step_down() {
  if [ "$mode" = stepped-down ]; then
    resume_at=$((SECONDS + 30))
    reply 0 'Stepped down'
  elif [ "$mode" != writable ]; then
    reply 1 'This server is not writable.'
  elif ! become_read_only; then
    reply 1 'This server could not become read-only.'
  else
    release_lock
    resume_at=$((SECONDS + 30))
    set_state stepped-down 'A planned switchover is in progress'
    reply 0 'Stepped down'
  fi
}

# --- main loop ---

# With an empty epoch volume the writer needs to know what the reader has before it decides.
announce() {
  if [ "$role" = reader ] && [ "$(reader_has)" != "$1" ]; then write_file "$epochs/reader" "$1"; fi
}

# Without a reader (--light) its volume says whether there was one.
reader_has() {
  if [ -z "$other_host" ]; then
    if [ -d "$reader_volume/data" ] || compgen -G "$reader_volume/data.2*" >/dev/null; then printf volume; else printf nothing; fi
  elif [ -f "$epochs/reader" ]; then
    cat "$epochs/reader"
  fi
}

# Prints the newest data that was set aside; nothing if there is none, where compgen fails.
newest_aside() { { compgen -G "$data.2*" || true; } | sort | tail -n 1; }

# aside_exists SERVER FOLDER: an empty database would hide what is there.
aside_exists() {
  set_state waiting "No data, but $1 has some that was set aside. To use it: docker compose exec $1 mv $2 $data. To begin without it: npm run reset"
}

# True for the data of a release without epochs whose server was promoted: it follows no server and is not a new copy.
was_promoted() {
  [ ! -f "$data/cloned" ] && ! is_replica
}

readonly ask_failover='To choose the complete copy: npm run failover'

# No server is current yet: a first start, an update from a release without epochs, or a lost epoch volume.
without_current() {
  local has aside=''
  [ -d "$data" ] || aside=$(newest_aside)
  # Reads go on meanwhile, and what was received was acknowledged.
  if [ -n "$server" ] && [ "$mode" = starting ] && is_replica; then
    sql <<<'START REPLICA SQL_THREAD' || log 'What was received cannot be applied'
  fi
  if [ -n "$data_epoch" ]; then
    announce epoch
    # Nobody else can serve reads, and no newer data can be hidden.
    [ "$(reader_has)" != nothing ] || listen
    set_state waiting "The epoch volume is empty beside existing data. $ask_failover"
  elif [ "$role" = reader ]; then
    if [ ! -d "$data" ]; then
      announce "${aside:-nothing}"
      set_state waiting 'No server is current yet'
    elif was_promoted; then
      announce promoted
      claim
    else
      announce replica
      set_state waiting 'No server is current yet'
    fi
  elif [ -n "$aside" ]; then
    aside_exists db-writer "$aside"
  else
    has=$(reader_has)
    # Beside a replica the writer's data is the complete one.
    case $has,$([ ! -d "$data" ] || printf data) in
      nothing,* | replica,data | volume,data | /*,data) claim ;;
      replica,) set_state waiting "No data, but db-reader has some. $ask_failover" ;;
      volume,) set_state waiting 'No data, but the volume of db-reader has some. To use it: npm start. To begin without it: npm run reset' ;;
      /*,) aside_exists db-reader "$has" ;;
      promoted,*) set_state waiting 'db-reader was promoted' ;;
      epoch,*) set_state waiting "The epoch volume is empty, and db-reader has data. $ask_failover" ;;
      *) set_state waiting 'What db-reader has is not known yet. To start it: docker compose up --detach db-reader' ;;
    esac
  fi
}

claim() {
  take_lock 0 || return 0
  read_epochs
  if [ -n "$current" ]; then
    release_lock
    return 0
  fi
  if [ ! -d "$data" ]; then
    log 'First start: initializing the data directory'
    initialize "$data.new"
    mv "$data.new" "$data"
  fi
  make_current 1
  become_writable
}

as_current() {
  if [ ! -d "$data" ]; then
    set_state waiting "This server is the current one of epoch $epoch, but its data is lost. $ask_failover"
  elif [ "$data_epoch" != "$epoch" ]; then
    set_state waiting "This server is the current one of epoch $epoch, but its data is of ${data_epoch:-no epoch}. $ask_failover"
  elif [ "$mode" = stepped-down ] && ((SECONDS < resume_at)); then
    pause=1
  elif [ "$mode" != writable ]; then
    if take_lock 0; then
      # Another server may have become the current one before it released the lock.
      local before="$current $epoch"
      read_epochs
      if [ "$current $epoch" = "$before" ]; then become_writable; else release_lock; fi
    else
      set_state waiting "Another server holds the lock. To end it: docker compose kill db-$other"
    fi
  fi
}

decide() {
  if [ -z "$current" ]; then
    without_current
  elif [ "$current" = "$role" ]; then
    as_current
  elif [ "$role" = reader ] || [ -n "$follow_requested" ]; then
    follow
  else
    [ -z "$listens" ] || stop_server
    set_state waiting "Not current: db-$current is, with epoch $epoch. This server accepts no writes. To bring it back: npm run rejoin"
  fi
}

main() {
  exec 9<"$epochs"
  read_epochs
  if [ -d "$data" ]; then
    require_older_data
    start_with_data
  fi
  while [ -z "$server" ] || kill -0 "$server" 2>/dev/null; do
    pause=2
    [ -n "$terminating" ] || step
    # Until the pause, the server or the watcher ends, or a signal arrives; exit_with_server reads the server's status.
    sleep "$pause" &
    wait -n $server $! $watcher || true
  done
  exit_with_server
}

step() {
  handle_request
  read_epochs
  if [ "$mode" = writable ] && [ "$current" != "$role" ]; then
    become_read_only
    release_lock
    mode=starting
  fi
  if [ -z "$server" ] && [ -d "$data" ]; then start_with_data; fi
  decide
  if [ "$mode" = writable ]; then
    pause=10
    kill -0 "$watcher" 2>/dev/null || start_watcher
  fi
}

terminating=''
# As PID 1, a shell ignores signals without a trap. Its exit ends every process in the container.
terminate() {
  terminating=1
  [ -n "$server" ] || exit 143
  if [ "$mode" = writable ]; then
    # The shutdown ends waits for the reader, and clients would be answered. The watcher lets those go on that are left.
    timeout 5 mysql -e 'SET GLOBAL super_read_only = ON' || mark_one_copy
    # Both may have ended already.
    kill -TERM "$watcher" 2>/dev/null || true
    watcher=''
  fi
  kill -TERM "$server" 2>/dev/null || true
}
trap terminate TERM INT
trap : USR1
options=(--defaults-file=/etc/my.cnf)
case $role in
  writer)
    options+=(--server-id="${SERVER_ID:-1}")
    other=reader
    # Empty where there is no reader.
    other_host=${DB_READ_ENDPOINT_ADDRESS:-}
    ;;
  reader)
    options+=(--server-id="${SERVER_ID:-2}")
    other=writer
    other_host=${DB_WRITE_ENDPOINT_ADDRESS:?}
    ;;
  *)
    log 'Usage: start.sh writer | reader'
    exit 64
    ;;
esac
main
