#!/usr/bin/env bash
# Installs what is missing on this machine: the Docker engine, the base images, the npm packages.
# Usage: scripts/setup.sh [engine] [images] [dependencies] [project]   (default: the first three)
# The part `project` installs nothing: it fails if the Compose project is not this checkout's.
# Takes about a second if nothing is missing. The next run completes an interrupted one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. scripts/setup/step.sh
. scripts/setup/settings.sh
. scripts/setup/debian.sh
. scripts/setup/engine.sh
. scripts/setup/images.sh
. scripts/setup/dependencies.sh
. scripts/setup/project.sh

[ $# -gt 0 ] || set -- engine images dependencies
for part in "$@"; do
  case $part in
    engine | images | dependencies | project) ;;
    *) fail "Unknown part '$part'." 'Parts: engine, images, dependencies, project.' ;;
  esac
done
check_settings
check_node_age
# npm connects through the proxy that intercepts TLS, too.
authorities=$(setting NODE_EXTRA_CA_CERTS)
[ -z "$authorities" ] || export NODE_EXTRA_CA_CERTS=$authorities
for part in "$@"; do "ensure_$part"; done
