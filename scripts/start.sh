#!/usr/bin/env bash
# Builds and starts the topology and prints its URLs. Called by `npm start`, after scripts/setup.sh.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

. scripts/setup/step.sh
. scripts/setup/settings.sh
. scripts/setup/engine.sh
. scripts/setup/project.sh

check_settings
ensure_project
port=$(setting WEB_PORT)
port=${port:-8080}

port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

alb_is_running() { [ -n "$(docker compose ps --quiet --status running alb)" ]; }

if port_in_use && ! alb_is_running; then
  owner=$(docker ps --filter "publish=$port" --format 'the container {{.Names}}')
  fail "Port $port is in use by ${owner:-another program}." \
    'Use another port: set WEB_PORT in .env, or WEB_PORT=8081 npm start.'
fi

# What a database waits for an operator to do; empty if nothing.
needed_decision() {
  local service state
  for service in db-writer db-reader; do
    state=$(docker compose exec -T "$service" cat /run/mysqld/state </dev/null 2>/dev/null) || continue
    case $state in *'npm run '*) printf '%s: %s\n' "$service" "${state#*$'\n'}" ;; esac
  done
}

# `docker compose up --wait`, ended early when only an operator can make a database healthy.
up_until_healthy() {
  local compose
  docker compose up --wait &
  compose=$!
  while kill -0 "$compose" 2>/dev/null; do
    if [ -n "$(needed_decision)" ]; then
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

need_space 1
step 'Building the images' 'Fix the cause in the output and run this again: completed steps are cached.' docker compose build
step 'Starting the services until they are healthy' \
  'Look at each service: docker compose ps --all, docker compose logs SERVICE' start_services

count() { docker compose ps --quiet "$1" | wc -l | tr -d ' '; }

cat <<DONE

✓ Running after $SECONDS s: alb → web ×$(count web) → nlb → app ×$(count app) → db-writer, db-reader

    http://localhost:$port/ui/     the page: save a time, see the list and the chart
    http://localhost:$port/read    the times as JSON; /write stores one

    npm run status    each service: health, instances, request rates, replica lag
    npm run logs      the logs of all services, merged
    npm stop          stops it and keeps the data (npm run reset removes the data)
DONE
