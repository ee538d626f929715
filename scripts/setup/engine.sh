# Installs the Docker engine with Compose v2 and Buildx where that is possible, and starts its daemon.
# Sourced by scripts/setup.sh.

readonly DAEMON_LOG=/var/log/dockerd.log
readonly ENGINE_HELP='Docker Desktop or Docker Engine with its Compose and Buildx plugins: https://docs.docker.com/engine/install/'

ensure_engine() {
  local missing
  missing=$(missing_engine_parts)
  [ -z "$missing" ] || install_engine "$missing"
  docker info >/dev/null 2>&1 || start_daemon
  check_engine_age
}

missing_engine_parts() {
  local missing=''
  have docker || missing="$missing docker"
  # Without dockerd on this machine, the client may reach an engine elsewhere (Docker Desktop, DOCKER_HOST).
  have dockerd || docker info >/dev/null 2>&1 || missing="$missing dockerd"
  docker compose version >/dev/null 2>&1 || missing="$missing compose"
  docker buildx version >/dev/null 2>&1 || missing="$missing buildx"
  printf '%s' "${missing# }"
}

install_engine() {
  local missing=$1 distribution
  distribution=$(. /etc/os-release 2>/dev/null && printf '%s' "$ID")
  case $distribution in debian | ubuntu) ;; *) distribution='' ;; esac
  if [ -z "$distribution" ] || ! have apt-get; then
    fail "Not installed: ${missing// /, }." "Get it: $ENGINE_HELP" 'Nothing was changed.'
  fi
  if [ "$(id -u)" -ne 0 ]; then
    fail "Not installed: ${missing// /, }." "Get it: $ENGINE_HELP" \
      "Or run this again as root to install your distribution's packages. Nothing was changed."
  fi
  confirm "Not installed: ${missing// /, }. Install Docker from $distribution's packages?"
  step "Installing the Docker engine ($distribution packages)" \
    'Check that "apt-get update" succeeds on this machine.' "apt_install_engine_$distribution"
}

# Asks on a terminal. Without one (CI, a script) the answer is yes.
confirm() {
  local answer=''
  [ -t 0 ] || return 0
  printf '%s [Y/n] ' "$1"
  read -r answer || answer=n
  case $answer in '' | y | Y | yes | Yes) ;; *) fail 'The installation was declined.' "Get it: $ENGINE_HELP" 'Nothing was changed.' ;; esac
}

apt_install() {
  # Completes an interrupted run of the package manager, which would refuse to install otherwise.
  dpkg --configure -a
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

apt_install_engine_ubuntu() {
  apt-get update
  apt_install docker.io docker-compose-v2 docker-buildx iptables
}

# Debian 13 has all packages. Debian 12 has an engine without Compose v2, so there the packages come from Debian 13: they
# need glibc ≥ 2.34 only. The pin excludes every other package of Debian 13.
apt_install_engine_debian() {
  local mirror keyring
  if [ "$(. /etc/os-release && printf '%s' "${VERSION_ID:-99}")" = 12 ]; then
    mirror=$(debian_mirror main)
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: %s\n' "$mirror" "$keyring" \
      >/etc/apt/sources.list.d/docker-engine.sources
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: -1\n\nPackage: %s\nPin: release n=trixie\nPin-Priority: 900\n' \
      'docker.io docker-cli docker-compose docker-buildx' \
      >/etc/apt/preferences.d/docker-engine
  fi
  apt-get update
  apt_install docker.io docker-cli docker-compose docker-buildx iptables ca-certificates
}

start_daemon() {
  if ! have dockerd; then
    fail 'The Docker client cannot reach an engine.' 'Start Docker Desktop, or set DOCKER_HOST, and run this again.'
  fi
  if [ "$(id -u)" -ne 0 ]; then
    fail 'The Docker engine is not running, or this user has no access to it.' \
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
check_engine_age() {
  local engine compose
  engine=$(docker version --format '{{.Server.Version}}')
  compose=$(docker compose version --short)
  at_least "$engine" 25 0 || fail "Docker engine $engine is too old; 25.0 or newer is needed." "Get it: $ENGINE_HELP"
  at_least "$compose" 2 20 || fail "Docker Compose $compose is too old; 2.20 or newer is needed." "Get it: $ENGINE_HELP"
}
