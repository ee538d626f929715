#!/usr/bin/env bash
# Asks start.sh, which runs this server, and waits for its answer: request.sh promote [stale | diverged] | step-down | follow [set-aside]
set -euo pipefail

readonly run=/run/mysqld
# One request at a time.
exec 8>"$run/request.lock"
flock --timeout 300 8
rm -f "$run/result"
printf '%s\n' "$*" >"$run/request.new"
mv "$run/request.new" "$run/request"
# A promotion applies what was received, for at most two minutes. A server that cannot step down at once hangs.
limit=200
[ "${1:-}" != step-down ] || limit=15
for ((attempt = 0; attempt < limit * 5; attempt++)); do
  if [ -f "$run/result" ]; then
    read -r status text <"$run/result"
    if [ "$status" = 0 ]; then printf '%s\n' "$text"; else printf '%s\n' "$text" >&2; fi
    exit "$status"
  fi
  # Interrupts the pause of start.sh. The signal can arrive just before the pause begins.
  [ ! -f "$run/request" ] || kill -USR1 1
  sleep 0.2
done
rm -f "$run/request"
printf 'No answer from start.sh within %s s.\n' "$limit" >&2
exit 1
