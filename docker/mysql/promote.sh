#!/usr/bin/env bash
# Makes this server the current one, which accepts writes: docker compose exec db-reader promote.sh
# First it applies every transaction it has received, because clients got acknowledgments for them. It fails while the
# other server runs, frozen or not. With the argument `diverged` it needs nothing of the other. `npm run failover` also
# ends the other server and moves the endpoint names.
exec request.sh promote "$@"
