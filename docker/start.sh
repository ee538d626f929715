#!/usr/bin/env bash
# Starts the whole topology and says where it is; docker/setup.sh has supplied what it needs. Called by `npm start`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. docker/setup/step.sh

# What Compose will use: the environment wins over .env.
port=$(docker compose config | sed -n 's/^ *published: "\{0,1\}\([0-9]*\)"\{0,1\}$/\1/p')

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

ours() { [ -n "$(docker compose ps --quiet --status running alb)" ]; }

if port_taken && ! ours; then
  fail "Port $port is taken by another program." 'Take another one: set WEB_PORT in .env, or WEB_PORT=8081 npm start.'
fi

docker compose up --build --wait ||
  fail 'Not everything came up healthy.' 'See what each part says: docker compose ps --all, docker compose logs SERVICE'

cat <<DONE

✓ http://localhost:$port is up: alb → web ×$(docker compose ps --quiet web | wc -l | tr -d ' ') → nlb → app ×$(docker compose ps --quiet app | wc -l | tr -d ' ') → db-writer, db-reader

    curl localhost:$port/write          stores the time
    curl localhost:$port/read           lists the stored times
    docker compose logs -f app          the app's log lines; so for every box
    docker compose up -d --scale app=4  more of one tier
    npm stop                            stops it all and keeps the data (npm run reset removes it)
DONE
