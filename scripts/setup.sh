#!/usr/bin/env bash
# Installs what is missing on this machine: the Docker engine, the base images, the npm packages.
# Usage: scripts/setup.sh [engine] [images] [dependencies] [project] [build]   (default: the first three)
# The last two install nothing: `project` fails if the Compose project is not this checkout's, `build` builds its images.
# Takes about a second if nothing is missing. The next run completes an interrupted one.
#
# Every `sh` can run the lines before `set`. Each ends in a comment, which takes the carriage return of a checkout with
# Windows line endings.
unset CDPATH BASH_ENV GREP_OPTIONS #
cd -- "$(dirname -- "$0")/.." || exit 1 #
crlf=$(grep -l "$(printf '\r')" scripts/*.sh scripts/*/*.sh docker/*.sh docker/*/*.sh docker/*/*.cfg docker/*/*.cnf apps/web/*.sh apps/web/*.conf infra/boot/*.sh 2>/dev/null | tr '\n' ' ') #
[ -z "$crlf" ] || { printf '\n✗ Files have Windows line endings (CRLF), which shells and containers cannot read.\n  Convert them: perl -pi -e "s/\\r//" %s\n' "$crlf" >&2; exit 1; } #
command -v bash >/dev/null || { printf '\n✗ Bash is not installed.\n  Install this system'\''s package "bash". Nothing was changed.\n' >&2; exit 1; } #
[ -n "${BASH_VERSION:-}" ] || exec bash scripts/setup.sh "$@" #
set -euo pipefail
# As `sh`, Bash lacks some of what follows.
set +o posix +o noclobber

. scripts/setup/step.sh
. scripts/setup/settings.sh
. scripts/setup/debian.sh
. scripts/setup/engine.sh
. scripts/setup/images.sh
. scripts/setup/dependencies.sh
. scripts/setup/project.sh
. scripts/setup/build.sh

[ $# -gt 0 ] || set -- engine images dependencies
for part in "$@"; do
  case $part in
    engine | images | dependencies | project | build) ;;
    *) fail "Unknown part '$part'." 'Parts: engine, images, dependencies, project, build.' ;;
  esac
done
check_options
check_path
check_access
check_settings
check_node_age
for part in "$@"; do
  # npm connects through the proxy that intercepts TLS, too. Once there is Compose, it reads the value.
  authorities=$(setting NODE_EXTRA_CA_CERTS)
  [ -z "$authorities" ] || export NODE_EXTRA_CA_CERTS=$authorities
  "ensure_$part"
done
