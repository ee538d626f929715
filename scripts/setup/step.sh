# Reports progress and failures. Sourced, never run.

# The causes of failures are known by their English words, and ranges of letters depend on the locale.
export LC_ALL=C

# The folder of the steps' logs.
readonly SETUP_LOGS=.setup

# fail PROBLEM ADVICE…: prints both and exits with 1.
fail() {
  printf '\n✗ %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# The options of the commands.
readonly OPTIONS='broken capacity ignore-errors keep-times large light no-follow plural quick request resource seed steps tail to'

# Fails if one of them was given to npm, which would run the command without it.
check_options() {
  local option name
  for option in $OPTIONS; do
    name=npm_config_${option#no-}
    name=${name//-/_}
    [ -z "${!name+set}" ] ||
      fail "npm has taken --$option for an option of its own." \
        "Two dashes give it to the command: npm run ${npm_lifecycle_event:-NAME} -- --$option"
  done
}

# Fails if the path of this checkout has a character that a tool cannot have in it: PATH, which npm sets, the colon; Node.js
# the backslash; Docker's output the line break; Vite, which runs the tests, the other two.
check_path() {
  local path character name
  # A substitution would remove line breaks at the end.
  path=$(pwd -P && printf /)
  path=${path%$'\n'/}
  for character in : '\' '#' '?' $'\n'; do
    case $path in
      *"$character"*)
        name=${character/$'\n'/a line break}
        fail "The path of this checkout contains \"$name\": $path" \
          'Node.js, npm or the tests would not find their files. Move it to a folder without this character.'
        ;;
    esac
  done
}

# Fails if this user cannot write to a file here, as a rule because root has run this before.
check_access() {
  local path locked=()
  for path in . .env .setup .setup/* .turbo */.turbo */*/.turbo test-results cdk.out backups \
    node_modules node_modules/.installed node_modules/.vite; do
    if [ -e "$path" ] && [ ! -w "$path" ]; then locked+=("$path"); fi
  done
  [ ${#locked[@]} -eq 0 ] ||
    fail "$(id -un) cannot write to: ${locked[*]}" \
      'If another user, as a rule root, has run this before, take it over: sudo chown -R "$(id -un)" .' \
      'If the files are your own: chmod -R u+w . A read-only file system cannot have a checkout.'
}

# step TITLE ADVICE COMMAND…: runs COMMAND with its output in a log file, and prints how long it took.
# On failure it prints the command, the end of its output, advice about common causes and ADVICE, and exits with 1.
step() {
  local title=$1 advice=$2 started=$SECONDS log status=0
  shift 2
  mkdir -p "$SETUP_LOGS"
  log=$SETUP_LOGS/$(printf '%s' "$title" | tr -c 'A-Za-z0-9\n' '-').log
  start_clock "$title"
  # A subshell without `||` after it, in which `set -e` applies to functions too.
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  stop_clock "$title"
  if [ "$status" -eq 0 ]; then
    printf '%d s\n' "$((SECONDS - started))"
    return
  fi
  printf 'failed after %d s\n' "$((SECONDS - started))"
  {
    printf '\n✗ %s\n  command: %s (exit %d)\n  the end of its output (full output: %s):\n\n' "$title" "$*" "$status" "$log"
    tail -n 15 "$log" | sed 's/^/    /'
    printf '\n'
    known_cause "$log" | sed 's/^[^~]*~/  /'
    printf '  %s\n' "$advice"
  } >&2
  exit 1
}

# start_clock TITLE: prints it, and the elapsed time until `stop_clock TITLE`: on a terminal each second, else a line every
# 30 s.
start_clock() {
  printf '▸ %s … ' "$1"
  tick "$1" &
  clock=$!
  trap 'kill "$clock" 2>/dev/null || true' EXIT
}

stop_clock() {
  kill "$clock" 2>/dev/null || true
  wait "$clock" 2>/dev/null || true
  trap - EXIT
  [ ! -t 1 ] || printf '\r\033[K▸ %s … ' "$1"
}

tick() {
  local started=$SECONDS next=30
  # Its output would keep a pipe open after this script has ended.
  while sleep 1 >/dev/null 2>&1; do
    if [ -t 1 ]; then
      printf '\r▸ %s … %d s ' "$1" "$((SECONDS - started))"
    elif [ "$((SECONDS - started))" -ge "$next" ]; then
      printf '%d s\n▸ %s … ' "$next" "$1"
      next=$((next + 30))
    fi
  done
}

# known_cause LOG: prints the name of the first known cause in the log, and advice about it; nothing if there is none.
known_cause() {
  local name pattern advice
  while IFS='~' read -r name pattern advice; do
    if tail -n 60 "$1" | grep -iE "$pattern" >/dev/null; then
      printf '%s~%s\n' "$name" "$advice"
      return
    fi
  done <<'CAUSES'
watched files~ENOSPC.*(watch|inotify)|system limit for number of file watchers~This machine watches too many files. Raise the limit: sudo sysctl fs.inotify.max_user_watches=524288. Or set DEV_POLLING=1.
disk full~no space left on device|ENOSPC|disk quota exceeded|have enough free space in~The disk is full. Find what uses it: df -h, docker system df. Remove what Docker no longer needs: docker builder prune, docker image prune.
memory~exit code: 137|cannot allocate memory|ENOMEM|heap out of memory|signal: killed~The machine has too little memory. Close other programs, give Docker Desktop more, or start less: npm start -- --light.
processor~exec format error|does not match the specified platform~An image is for another processor than the engine's. Unset DOCKER_DEFAULT_PLATFORM, and remove the image that the output names: docker image rm IMAGE.
rate limit~toomanyrequests|too many requests|pull rate limit~The image registry limits how often this address may pull. Log in (docker login), or wait as long as it says, and run this again.
registry failure~unexpected (HTTP )?status( code)?:? 5[0-9][0-9]|5[0-9][0-9] (internal server error|bad gateway|service unavailable|gateway time-?out)~The server in the output has a failure of its own. Wait, and run this again.
credentials~error getting credentials|docker-credential-|unauthorized: |incorrect username or password~Docker's stored credentials do not work. Log in again (docker login), or remove credsStore and auths from ~/.docker/config.json.
address pools~non-overlapping IPv4 address pool|predefined address pools have been fully subnetted|address pools? .*exhausted|pool overlaps with other one~Docker has no addresses left for networks. Remove unused ones: docker network prune. Or give it more: default-address-pools in /etc/docker/daemon.json.
file limit~too many open files|EMFILE|ENFILE|raise FD limit|RLIMIT_NOFILE|setting rlimit type 7|increasing nr_open~The limit of open files is too low. Raise it: ulimit -n 65536 in this terminal, default-ulimits in /etc/docker/daemon.json for containers.
privileged port~cannot expose privileged port|bind: permission denied~This user may not use a port below 1024. Use another: set WEB_PORT in .env, or WEB_PORT=8081 npm start.
port in use~port is already allocated|address already in use|EADDRINUSE|ports are not available~The port is in use by another program. Use another port: set WEB_PORT in .env, or WEB_PORT=8081 npm start.
clock~not yet valid|not valid yet|certificate has expired|CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|release file for .* is expired|not live until~This machine's clock may be wrong: compare the output of date with the time. Set it: sudo timedatectl set-ntp true. A virtual machine that slept needs a restart.
certificate~self.signed certificate|unable to get (local )?issuer|unable to verify the first certificate|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|certificate verification failed|unknown authority|failed to verify certificate~A proxy intercepts TLS: set NODE_EXTRA_CA_CERTS to the file with its certificate, in .env or the environment. Docker's engine uses the certificates of its own machine: add it there and restart the engine.
proxy~proxyconnect|proxy authentication required|407 proxy|tunneling socket could not be established~The proxy did not answer or refused. Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY; for Docker: https://docs.docker.com/engine/daemon/proxy/
access~permission denied.*docker|docker.*permission denied~This user has no access to Docker, or to its own folder ~/.docker: https://docs.docker.com/engine/install/linux-postinstall/
read-only~EROFS|read-only file system~A folder is on a read-only file system; the output names it. For those in the home folder: set npm_config_cache and DOCKER_CONFIG to folders that can be written to.
owner~root-owned files|EACCES|permission denied~A file belongs to another user, as a rule root. Take it over: sudo chown -R "$(id -un)" FOLDER, for the folder in the output.
engine stopped~cannot connect to the docker daemon|error during connect|error reading from server: EOF|docker\.sock: connect|failed to receive status|closing transport|rpc error.*EOF~The Docker engine stopped. Its log: journalctl -u docker, or /var/log/dockerd.log. Run this again to start the engine.
transfer~: EOF|unexpected EOF|connection lost|stream error|stream ID|awaiting (response )?headers|operation timed out|failed size validation|layer verification failed~The transfer from the server in the output broke off. Run this again.
network~could not resolve|temporary failure (resolving|in name resolution)|name or service not known|no such host|server misbehaving|EAI_AGAIN|ENOTFOUND|network is unreachable|no route to host|ENETUNREACH|ETIMEDOUT|ECONNREFUSED|ECONNRESET|connection refused|connection reset|connection timed out|i/o timeout|TLS handshake timeout|context deadline exceeded|request canceled|unable to connect|could not connect|failed to fetch|failed getting release|failed to do request|failed to resolve source metadata~A server could not be reached; the output names it. Check the network and its DNS. Behind a proxy: HTTP_PROXY and HTTPS_PROXY, npm's registry, apt's mirror; for Docker: https://docs.docker.com/engine/cli/proxy/
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

# timeout_of SECONDS COMMAND…: macOS has no `timeout`, so there is no time limit there.
timeout_of() {
  local seconds=$1
  shift
  if have timeout; then timeout "$seconds" "$@"; else "$@"; fi
}

# need_space GIGABYTES: fails if Docker stores its data on a disk of this machine with less free space.
need_space() {
  local folder free
  folder=$(docker info --format '{{.DockerRootDir}}')
  [ -d "$folder" ] || return 0
  # The number before the percentage: the name of the file system may have spaces.
  free=$(df -Pk "$folder" | sed -n '2s/^.* \([0-9]\{1,\}\)  *[0-9]\{1,\}% .*/\1/p')
  [ -n "$free" ] || return 0
  [ "$free" -ge $(($1 * 1024 * 1024)) ] ||
    fail "Only $((free / 1024)) MB are free on the disk of $folder; $1 GB are needed." \
      'Find what uses it: df -h, docker system df. Remove what Docker no longer needs: docker builder prune, docker image prune.'
}
