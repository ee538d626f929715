#!/usr/bin/env bash
# Builds and starts the topology and prints its URLs. Called by `npm start`, after scripts/setup.sh.
# Usage: scripts/start.sh [--light]   (one instance of each tier and no reader)
# Without what a user's file has set.
[ -z "${BASH_ENV:-}" ] || { unset BASH_ENV && exec bash "${BASH_SOURCE[0]}" "$@"; }
set -euo pipefail
set +o noclobber
unset CDPATH GREP_OPTIONS
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

. scripts/setup/step.sh
. scripts/setup/settings.sh
. scripts/setup/engine.sh
. scripts/setup/project.sh
. scripts/setup/build.sh

light=''
for option in "$@"; do
  [ "$option" = --light ] ||
    fail "Unknown option '$option'." 'npm start -- --light starts one instance of each tier and no reader.'
  light=1
done

check_settings
ensure_project
port=$(setting WEB_PORT)
port=${port:-8080}

# The address that answers on this machine, and the other one that `localhost` may lead to.
host=$(setting WEB_ADDRESS)
other=''
case $host in
  '' | 0.0.0.0 | 127.0.0.1) host=127.0.0.1 other='[::1]' ;;
  '[::]' | '[::1]') host='[::1]' other=127.0.0.1 ;;
esac

# port_in_use ADDRESS
port_in_use() { (exec 3<>"/dev/tcp/${1//[][]/}/$port") 2>/dev/null; }

alb_is_running() { [ -n "$(docker compose ps --quiet --status running alb)" ]; }

if port_in_use "$host" && ! alb_is_running; then
  owner=$(docker ps --filter "publish=$port" --format 'the container {{.Names}}')
  fail "Port $port is in use by ${owner:-another program}." \
    'Use another port: set WEB_PORT in .env, or WEB_PORT=8081 npm start.'
fi

count() { docker compose ps --all --quiet "$1" | wc -l | tr -d ' '; }

# The options of `docker compose up` that keep the instances which `--scale` has added. A setting decides if there is
# one. A topology without a reader is a light one.
kept_scale() {
  local service instances
  [ "$(count db-reader)" -gt 0 ] || return 0
  for service in web:WEB_COUNT app:APP_COUNT; do
    [ -z "$(setting "${service#*:}")" ] || continue
    instances=$(count "${service%:*}")
    [ "$instances" -eq 0 ] || printf -- '--scale %s=%s ' "${service%:*}" "$instances"
  done
}

scale=''
if [ -n "$light" ]; then
  files=$(setting COMPOSE_FILE)
  separator=$(setting COMPOSE_PATH_SEPARATOR)
  separator=${separator:-:}
  if [ -z "$files" ]; then
    files=compose.yaml
    # Compose reads the first that there is.
    for file in compose.override.yml compose.override.yaml docker-compose.override.yml docker-compose.override.yaml; do
      [ ! -f "$file" ] || { files=$files$separator$file && break; }
    done
  fi
  export COMPOSE_FILE=$files${separator}compose.light.yaml
else
  scale=$(kept_scale)
fi

# What a database waits for an operator to do; empty if nothing.
needed_decision() {
  local service state
  for service in db-writer db-reader; do
    state=$(docker compose exec -T "$service" cat /run/mysqld/state </dev/null 2>/dev/null) || continue
    case $state in *'npm run '*) printf '%s: %s\n' "$service" "${state#*$'\n'}" ;; esac
  done
}

# `docker compose up --wait`, ended early when only an operator can make a database healthy. A container that is about to
# be replaced can say so as well, so it must be said for some seconds.
up_until_healthy() {
  local compose looks=0
  # shellcheck disable=SC2086 # A list of options, or nothing.
  PULL_POLICY=missing docker compose up --wait $scale &
  compose=$!
  while kill -0 "$compose" 2>/dev/null; do
    if [ -n "$(needed_decision)" ]; then looks=$((looks + 1)); else looks=0; fi
    if [ "$looks" -ge 5 ]; then
      kill "$compose" 2>/dev/null || true
      wait "$compose" || true
      return 1
    fi
    sleep 2
  done
  wait "$compose"
}

# On failure, prints what a database needs, else the last log lines of each service that is not healthy.
start_services() {
  up_until_healthy && return
  local decision service state
  decision=$(needed_decision)
  if [ -n "$decision" ]; then
    printf '%s\n' "$decision"
    return 1
  fi
  docker compose ps --all --format '{{.Service}} {{.State}} {{.Health}} {{.ExitCode}}' | sort -u |
    while read -r service state; do
      case $state in
        'running healthy 0' | 'exited  0' | 'exited 0') ;;
        *)
          printf '\n%s is %s. Its last log lines:\n' "$service" "$state"
          docker compose logs --no-color --tail 4 "$service" </dev/null
          ;;
      esac
    done
  return 1
}

ensure_build
step 'Starting the services until they are healthy' \
  'Look at each service: docker compose ps --all, docker compose logs SERVICE' start_services

[ -z "$other" ] || port_in_use "$other" || host=localhost

databases='db-writer, db-reader'
[ -z "$light" ] || databases='db-writer (--light: acknowledged writes are on one machine)'

cat <<DONE

✓ Running after $SECONDS s: alb → web ×$(count web) → nlb → app ×$(count app) → $databases

    http://$host:$port/ui/             the page
    http://$host:$port/openapi.json    the endpoints

    npm run status    each service: health, instances, request rates, replica lag
    npm run logs      the logs of all services, merged
    npm stop          stops it and keeps the data (npm run reset removes the data)
DONE
