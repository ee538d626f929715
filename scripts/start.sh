#!/usr/bin/env bash
# Starts the whole topology and says where it is; scripts/setup.sh has supplied what it needs. Called by `npm start`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. scripts/setup/step.sh
. scripts/setup/settings.sh

check_settings
port=$(setting WEB_PORT)
port=${port:-8080}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

ours() { [ -n "$(docker compose ps --quiet --status running alb)" ]; }

if port_taken && ! ours; then
  owner=$(docker ps --filter "publish=$port" --format 'the container {{.Names}}')
  fail "Port $port is taken by ${owner:-another program}." \
    'Take another one: set WEB_PORT in .env, or WEB_PORT=8081 npm start.'
fi

# When it does not come up: what each box that is not well has said last.
bring_up() {
  docker compose up --wait && return
  local service state
  docker compose ps --all --format '{{.Service}} {{.State}} {{.Health}} {{.ExitCode}}' | sort -u |
    while read -r service state; do
      case $state in
        'running healthy 0' | 'exited  0' | 'exited 0') ;;
        *)
          printf '\n%s is %s. It said last:\n' "$service" "$state"
          docker compose logs --no-color --tail 4 "$service" </dev/null
          ;;
      esac
    done
  return 1
}

need_space 1
step 'Building the images' 'Mend what the output names, and run this again: what was done is kept.' docker compose build
step 'Starting every box, until it is healthy' \
  'See what each box says: docker compose ps --all, docker compose logs SERVICE' bring_up

count() { docker compose ps --quiet "$1" | wc -l | tr -d ' '; }

cat <<DONE

✓ Up after $SECONDS s: alb → web ×$(count web) → nlb → app ×$(count app) → db-writer, db-reader

    http://localhost:$port/ui/     the page: save a time, see the list and the chart
    http://localhost:$port/read    the times as JSON; /write stores one

    npm run status    every box: its health, its instances, how far the reader is behind
    npm run logs      what all of them say, as one
    npm stop          ends it and keeps the data (npm run reset removes it)
DONE
