# Reports progress and failures. Sourced, never run.

# The folder of the steps' logs.
readonly SETUP_LOGS=.setup

# fail PROBLEM ADVICE…: prints both and exits with 1.
fail() {
  printf '\n✗ %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# step TITLE ADVICE COMMAND…: runs COMMAND with its output in a log file, and prints how long it took.
# On failure it prints the command, the end of its output, advice about common causes and ADVICE, and exits with 1.
step() {
  local title=$1 advice=$2 started=$SECONDS log status=0 clock=''
  shift 2
  mkdir -p "$SETUP_LOGS"
  log=$SETUP_LOGS/$(printf '%s' "$title" | tr -c 'A-Za-z0-9\n' '-').log
  printf '▸ %s … ' "$title"
  if [ -t 1 ]; then
    tick "$title" &
    clock=$!
    trap 'kill "$clock" 2>/dev/null || true' EXIT
  fi
  # A subshell without `||` after it, in which `set -e` applies to functions too.
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
    printf '\n✗ %s\n  command: %s (exit %d)\n  the end of its output (full output: %s):\n\n' "$title" "$*" "$status" "$log"
    tail -n 15 "$log" | sed 's/^/    /'
    printf '\n'
    known_cause "$log" | sed 's/^/  /'
    printf '  %s\n' "$advice"
  } >&2
  exit 1
}

# Shows the elapsed time on a terminal.
tick() {
  while sleep 1; do printf '\r▸ %s … %d s ' "$1" "$((SECONDS - started))"; done
}

# known_cause LOG: prints advice about the common causes of failures in the log, one line each.
known_cause() {
  local pattern advice
  while IFS='~' read -r pattern advice; do
    if tail -n 60 "$1" | grep -iE "$pattern" >/dev/null; then printf '%s\n' "$advice"; fi
  done <<'CAUSES'
no space left on device|ENOSPC~The disk is full. Find what uses it: df -h, docker system df. Remove what Docker no longer needs: docker builder prune, docker image prune.
cannot connect to the docker daemon|error during connect|error reading from server: EOF|docker\.sock: connect|failed to receive status|closing transport|unexpected EOF~The Docker engine stopped. Its log: journalctl -u docker, or /var/log/dockerd.log. Run this again to start the engine.
port is already allocated|address already in use|ports are not available~The port is in use by another program. Use another port: set WEB_PORT in .env, or WEB_PORT=8081 npm start.
could not resolve|temporary failure resolving|EAI_AGAIN|ENOTFOUND|network is unreachable|ENETUNREACH|ETIMEDOUT|ECONNREFUSED|ECONNRESET|connection refused|connection timed out|unable to connect|could not connect|failed to fetch|failed getting release~A server could not be reached; the output above names it. Behind a proxy: HTTP_PROXY and HTTPS_PROXY, npm's registry, apt's mirror; for Docker: https://docs.docker.com/engine/cli/proxy/
self.signed certificate|unable to get (local )?issuer|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|certificate verification failed~A proxy intercepts TLS: set NODE_EXTRA_CA_CERTS to the file with its certificate, in .env or the environment.
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

# need_space GIGABYTES: fails if Docker stores its data on a disk of this machine with less free space.
need_space() {
  local folder free
  folder=$(docker info --format '{{.DockerRootDir}}')
  [ -d "$folder" ] || return 0
  free=$(df -Pk "$folder" | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\) .*/\1/p')
  [ "${free:-0}" -ge $(($1 * 1024 * 1024)) ] ||
    fail "Only $((${free:-0} / 1024)) MB are free on the disk of $folder; $1 GB are needed." \
      'Find what uses it: df -h, docker system df. Remove what Docker no longer needs: docker builder prune, docker image prune.'
}
