#!/usr/bin/env bash
# Supplies what a bare machine lacks: the Docker engine, the base images, the npm packages.
# Usage: scripts/setup.sh [engine] [images] [dependencies]   (all of them without an argument)
# Finds everything in place in a second or so; an interrupted run is completed by the next.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. scripts/setup/step.sh
. scripts/setup/settings.sh
. scripts/setup/debian.sh
. scripts/setup/engine.sh
. scripts/setup/images.sh
. scripts/setup/dependencies.sh

[ $# -gt 0 ] || set -- engine images dependencies
for part in "$@"; do
  case $part in
    engine | images | dependencies) ;;
    *) fail "'$part' is no part of the set-up." 'Parts: engine, images, dependencies.' ;;
  esac
done
check_settings
check_node_age
# npm, too, meets the proxy that intercepts TLS.
authorities=$(setting NODE_EXTRA_CA_CERTS)
[ -z "$authorities" ] || export NODE_EXTRA_CA_CERTS=$authorities
for part in "$@"; do "ensure_$part"; done
