# Installs the Docker engine with Compose v2 and Buildx where that is possible, and starts its daemon.
# Sourced by scripts/setup.sh.

readonly DAEMON_LOG=/var/log/dockerd.log
readonly ENGINE_HELP='Docker Desktop or Docker Engine with its Compose and Buildx plugins: https://docs.docker.com/engine/install/'

ensure_engine() {
  local missing
  check_client
  # Before anything is installed beside an engine that cannot be used.
  ! engine_answers || check_engine
  missing=$(missing_engine_parts)
  [ -z "$missing" ] || install_engine "$missing"
  engine_answers || start_daemon
  check_engine
  check_compose
}

# One that cannot be reached would let the client wait for minutes.
engine_answers() { timeout_of 30 docker info >/dev/null 2>&1; }

# Has BuildKit of the engine itself build: another builder has no base images of its own.
use_own_builder() {
  DOCKER_BUILDKIT=1
  BUILDX_BUILDER=$(docker context show)
  export DOCKER_BUILDKIT BUILDX_BUILDER
}

# Other programs are installed under the name `docker`, too.
check_client() {
  local version
  have docker || return 0
  version=$(docker --version 2>/dev/null) || version=''
  case $version in
    '' | 'Docker version '*) ;;
    *) fail "The command docker is not Docker: ${version%%$'\n'*}." "Get Docker: $ENGINE_HELP" 'Nothing was changed.' ;;
  esac
}

missing_engine_parts() {
  local missing=''
  have docker || missing="$missing docker"
  has_engine || missing="$missing dockerd"
  docker compose version >/dev/null 2>&1 || missing="$missing compose"
  docker buildx version >/dev/null 2>&1 || missing="$missing buildx"
  printf '%s' "${missing# }"
}

# True if there is an engine, although it may be stopped, elsewhere (Docker Desktop, DOCKER_HOST), or reached through a
# socket for which there is no client yet.
has_engine() {
  has_dockerd || [ -n "$(chosen_engine)" ] || engine_answers || [ "$(command -v docker)" = /snap/bin/docker ] ||
    someone_listens /var/run/docker.sock
}

# A user's PATH may lack the folder.
has_dockerd() { have dockerd || [ -x /usr/sbin/dockerd ]; }

# True also for a socket that this user may not use.
someone_listens() {
  [ -S "$1" ] && node -e '
    require("node:net").connect(process.argv[1])
      .on("connect", () => process.exit(0))
      .on("error", ({ code }) => process.exit(code === "ECONNREFUSED" ? 1 : 0))' "$1"
}

# Prints the address of the engine that the user has chosen by DOCKER_HOST or a context; nothing for the default engine.
chosen_engine() {
  local engine
  engine=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || engine=${DOCKER_HOST:-}
  case $engine in unix:///var/run/docker.sock | unix:///run/docker.sock) ;; *) printf '%s' "$engine" ;; esac
}

install_engine() {
  local missing=$1 distribution packages part
  distribution=$(distribution)
  if [ -z "$distribution" ]; then
    fail "Not installed: ${missing// /, }." "Get it: $ENGINE_HELP" 'Nothing was changed.'
  fi
  packages=$(for part in $missing; do engine_packages "$part" "$distribution"; done)
  if [ "$(id -u)" -ne 0 ]; then
    fail "Not installed: ${missing// /, }." "Get it: $ENGINE_HELP" \
      "Or run this again as root to install the packages ${packages//$'\n'/ }. Nothing was changed."
  fi
  confirm "Not installed: ${missing// /, }. Install the packages ${packages//$'\n'/ }?" "Get it: $ENGINE_HELP"
  step "Installing ${missing// /, }" 'Check that "apt-get update" succeeds on this machine.' apt_install_engine $packages
  # Compose can read them now.
  check_settings
}

# engine_packages PART DISTRIBUTION: prints the packages of a part. Docker's own packages and the distribution's exclude
# each other, so one that is there decides.
engine_packages() {
  if is_installed docker-ce || is_installed docker-ce-cli; then
    case $1 in
      docker) printf 'docker-ce-cli\n' ;;
      dockerd) printf 'docker-ce\n' ;;
      *) printf 'docker-%s-plugin\n' "$1" ;;
    esac
  else
    case $1,$2 in
      docker,debian) printf 'docker-cli\n' ;;
      docker,*) printf 'docker.io\n' ;;
      dockerd,*) printf 'docker.io\niptables\nca-certificates\n' ;;
      compose,ubuntu) printf 'docker-compose-v2\n' ;;
      *) printf 'docker-%s\n' "$1" ;;
    esac
  fi
}

is_installed() { [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

apt_install_engine() {
  case $* in *docker-ce* | *-plugin*) ;; *) add_engine_source ;; esac
  apt-get update
  apt_install "$@"
}

# Debian 13 and Ubuntu have all packages. Debian 12 has an engine without Compose v2, so there the packages come from
# Debian 13: they need glibc ≥ 2.34 only. The pin excludes every other package of Debian 13.
add_engine_source() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ "$(. /etc/os-release && printf '%s' "$ID $VERSION_ID")" = 'debian 12' ] || return 0
  mirror=$(debian_mirror main)
  printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: %s\n' "$mirror" "$keyring" \
    >/etc/apt/sources.list.d/docker-engine.sources
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: -1\n\nPackage: %s\nPin: release n=trixie\nPin-Priority: 900\n' \
    'docker.io docker-cli docker-compose docker-buildx' \
    >/etc/apt/preferences.d/docker-engine
}

start_daemon() {
  local problem chosen
  problem=$(timeout_of 30 docker version 2>&1 >/dev/null) || [ $? -ne 124 ] || problem='It did not answer within 30 s.'
  problem=${problem%%$'\n'*}
  chosen=$(chosen_engine)
  if [ -n "$chosen" ]; then
    fail "The Docker client cannot reach the engine at $chosen, which DOCKER_HOST or its context names." "$problem" \
      'Start it (Docker Desktop, Colima, …), or choose another: docker context ls, docker context use NAME.'
  fi
  if ! has_dockerd && ! someone_listens /var/run/docker.sock; then
    fail 'The Docker client cannot reach an engine.' "$problem" \
      'Start it (Docker Desktop, "sudo snap start docker"), or set DOCKER_HOST, and run this again.'
  fi
  if [ "$(id -u)" -ne 0 ]; then
    fail 'The Docker engine is not running, or this user has no access to it.' "$problem" \
      'Start it with "sudo systemctl start docker", and see https://docs.docker.com/engine/install/linux-postinstall/.'
  fi
  step 'Starting the Docker engine' "Its log: $DAEMON_LOG (or: journalctl -u docker)." run_daemon
}

run_daemon() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker
  else
    remove_stale_pid_file /var/run/docker.pid dockerd
    remove_stale_pid_file /var/run/docker/containerd/containerd.pid containerd
    # In a session of its own, so that Ctrl-C in this terminal does not stop it.
    setsid nohup dockerd >>"$DAEMON_LOG" 2>&1 </dev/null &
  fi
  local waited=0
  until docker info >/dev/null 2>&1; do
    waited=$((waited + 1))
    if [ "$waited" -gt 60 ]; then
      tail -n 12 "$DAEMON_LOG"
      return 1
    fi
    sleep 1
  done
}

# After a power failure the file has the id of a process that no longer exists or belongs to another program. The daemon
# refuses to start in the second case.
remove_stale_pid_file() {
  local file=$1 program=$2 pid
  [ -f "$file" ] || return 0
  pid=$(cat "$file")
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$program" ] || rm -f "$file"
}

# The health checks' start interval needs engine 25 and Compose 2.20.
check_engine() {
  local engine
  case $(docker version --format '{{range .Server.Components}}{{.Name}} {{end}}' 2>/dev/null) in
    *Podman*) fail 'The Docker client is connected to Podman; Docker Engine is needed.' "Get it: $ENGINE_HELP" ;;
  esac
  engine=$(docker version --format '{{.Server.Version}}')
  at_least "$engine" 25 0 || fail "Docker engine $engine is too old; 25.0 or newer is needed." "Get it: $ENGINE_HELP"
}

check_compose() {
  local compose
  compose=$(docker compose version --short)
  at_least "$compose" 2 20 || fail "Docker Compose $compose is too old; 2.20 or newer is needed." "Get it: $ENGINE_HELP"
}
