# Progress and failure reports, shared by the set-up's parts. Sourced, never run.

# Logs of the steps.
readonly SETUP_STATE=.setup

say() { printf '%s\n' "$*"; }

# fail WHAT HOW…: names what is wrong, says what to do, ends the run.
fail() {
  printf '\n✗ %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# step TITLE ADVICE COMMAND…: runs COMMAND with its output in a log, and says how long it took.
# On failure: the step, the command, the end of its output, what is known about such an end, ADVICE; exit 1.
step() {
  local title=$1 advice=$2 started=$SECONDS log status=0 clock=''
  shift 2
  mkdir -p "$SETUP_STATE"
  log=$SETUP_STATE/$(printf '%s' "$title" | tr -c 'A-Za-z0-9\n' '-').log
  printf '▸ %s … ' "$title"
  if [ -t 1 ]; then
    tick "$title" &
    clock=$!
    trap 'kill "$clock" 2>/dev/null || true' EXIT
  fi
  # A subshell of its own, so that `set -e` holds inside functions too (it would not after `||`).
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ -n "$clock" ]; then
    kill "$clock" 2>/dev/null || true
    wait "$clock" 2>/dev/null || true
    trap - EXIT
    printf '\r▸ %s … ' "$title"
  fi
  if [ "$status" -eq 0 ]; then
    printf '%d s\n' "$((SECONDS - started))"
    return
  fi
  printf 'failed after %d s\n' "$((SECONDS - started))"
  {
    printf '\n✗ %s\n  command: %s (exit %d)\n  the end of its output (all of it: %s):\n\n' "$title" "$*" "$status" "$log"
    tail -n 15 "$log" | sed 's/^/    /'
    printf '\n'
    known_cause "$log" | sed 's/^/  /'
    printf '  %s\n' "$advice"
  } >&2
  exit 1
}

# On a terminal a long step shows that it goes on.
tick() {
  while sleep 1; do printf '\r▸ %s … %d s ' "$1" "$((SECONDS - started))"; done
}

# known_cause LOG: what to do about the usual ends of the tools used here, a line each; nothing about others.
known_cause() {
  local pattern advice
  while IFS='~' read -r pattern advice; do
    if tail -n 60 "$1" | grep -iE "$pattern" >/dev/null; then printf '%s\n' "$advice"; fi
  done <<'CAUSES'
no space left on device|ENOSPC~The disk is full. See what takes it: df -h, docker system df. What Docker no longer needs: docker builder prune, docker image prune.
cannot connect to the docker daemon|error during connect|error reading from server: EOF|docker\.sock: connect|failed to receive status|closing transport|unexpected EOF~The Docker engine went away meanwhile. Its log: journalctl -u docker, or /var/log/three-tier-dockerd.log. Run this again: it starts the engine where it can.
port is already allocated|address already in use|ports are not available~The port is taken by another program. Take another one: set WEB_PORT in .env, or WEB_PORT=8081 npm start.
could not resolve|temporary failure resolving|EAI_AGAIN|ENOTFOUND|network is unreachable|ENETUNREACH|ETIMEDOUT|ECONNREFUSED|ECONNRESET|connection refused|connection timed out|unable to connect|could not connect|failed to fetch|failed getting release~A server could not be reached; which one stands above. Behind a proxy: HTTP_PROXY and HTTPS_PROXY, npm's registry, apt's mirror; for Docker: https://docs.docker.com/engine/cli/proxy/
self.signed certificate|unable to get (local )?issuer|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|certificate verification failed~A proxy intercepts TLS: name the file with its certificate in NODE_EXTRA_CA_CERTS, in .env or the environment.
CAUSES
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least VERSION MAJOR MINOR
at_least() {
  local version=${1#v} major minor
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

# need_space GIGABYTES: fails where Docker keeps its data on a disk of this machine that has less left.
need_space() {
  local folder free
  folder=$(docker info --format '{{.DockerRootDir}}')
  [ -d "$folder" ] || return 0
  free=$(df -Pk "$folder" | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\) .*/\1/p')
  [ "${free:-0}" -ge $(($1 * 1024 * 1024)) ] ||
    fail "Only $((${free:-0} / 1024)) MB are left on the disk of $folder; $1 GB are needed." \
      'See what takes it: df -h, docker system df. What Docker no longer needs: docker builder prune, docker image prune.'
}
