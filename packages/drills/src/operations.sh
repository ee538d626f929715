# What the drill `operations` does beside plain commands. To repeat a sequence by hand, from the checkout's root:
#   export COMPOSE_PROJECT_NAME=…; . packages/drills/src/operations.sh

# freeze SERVICE SECONDS: a container hangs, and continues. The inner kill fails if there is no other process.
freeze() {
  docker compose kill --signal STOP "$1"
  docker compose exec --no-TTY "$1" bash -c 'kill -STOP -1 || true'
  sleep "$2"
  docker compose kill --signal CONT "$1"
  docker compose exec --no-TTY "$1" bash -c 'kill -CONT -1 || true'
}

# disconnect SERVICE SECONDS: the service's first container is not in the network of the databases, and returns.
disconnect() {
  local network=${COMPOSE_PROJECT_NAME}_app-db container aliases
  container=$(docker compose ps --all --quiet "$1" | head -n 1)
  aliases=$(docker inspect --format "{{range (index .NetworkSettings.Networks \"$network\").Aliases}} --alias {{.}}{{end}}" "$container")
  docker network disconnect "$network" "$container"
  sleep "$2"
  # shellcheck disable=SC2086 # several words
  docker network connect $aliases "$network" "$container"
}

# replace_volume VOLUME SERVICE…: the volume is lost with the containers that have it, and Compose creates them again.
replace_volume() {
  docker compose kill "${@:2}" || true
  docker compose rm --force "${@:2}"
  docker volume rm "${COMPOSE_PROJECT_NAME}_$1"
  docker compose up --detach --no-recreate --no-deps db-writer db-reader
}

# back_up: makes the backup with which restore_to_now begins; it replays the binary logs since.
back_up() {
  rm -f "${TMPDIR:-/tmp}/operations.sql.gz"
  npm run backup -- "${TMPDIR:-/tmp}/operations.sql.gz"
}

restore_to_now() {
  [ -f "${TMPDIR:-/tmp}/operations.sql.gz" ] || back_up
  npm run restore -- "${TMPDIR:-/tmp}/operations.sql.gz" --to "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --yes
}

# crash SERVICE: the service's first container is killed, and starts again.
crash() {
  local container
  container=$(docker compose ps --all --quiet "$1" | head -n 1)
  docker kill "$container" || true
  docker start "$container"
}
