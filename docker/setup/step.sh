# Progress and failure reports, shared by the set-up's parts. Sourced, never run.

say() { printf '%s\n' "$*"; }

# fail WHAT HOW: names what is missing, says how to get it, ends the run.
fail() {
  printf '\n✗ %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# step TITLE ADVICE COMMAND…: runs COMMAND with its output in a log, and says how long it took.
# On failure: the step, the command, the end of its output, ADVICE; exit 1.
step() {
  local title=$1 advice=$2 started=$SECONDS log status=0
  shift 2
  mkdir -p "$SETUP_STATE"
  log=$SETUP_STATE/$(printf '%s' "$title" | tr -c 'A-Za-z0-9\n' '-').log
  printf '▸ %s … ' "$title"
  # A subshell of its own, so that `set -e` holds inside functions too (it would not after `||`).
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" -eq 0 ]; then
    printf '%d s\n' "$((SECONDS - started))"
    return
  fi
  printf 'failed after %d s\n' "$((SECONDS - started))"
  {
    printf '\n✗ %s\n  command: %s (exit %d)\n  the end of its output (all of it: %s):\n\n' "$title" "$*" "$status" "$log"
    tail -n 15 "$log" | sed 's/^/    /'
    printf '\n  %s\n' "$advice"
  } >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }
