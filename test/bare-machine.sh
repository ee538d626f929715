#!/usr/bin/env bash
# A Debian with nothing but Node 20 and npm, as a folder; it reaches this machine's Docker engine. Needs root on Debian.
# bare-machine.sh create FOLDER SUITE | bare-machine.sh run FOLDER COMMAND
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$2

create() {
  local architecture=x64
  [ "$(uname -m)" = x86_64 ] || architecture=arm64
  . scripts/setup/step.sh
  . scripts/setup/debian.sh
  . scripts/setup/images.sh
  have debootstrap || { apt-get update && apt_install debootstrap; }
  debootstrap --variant=minbase --include=ca-certificates "$1" "$root" "$(debian_mirror main)"
  unpack_npm_package "node-linux-$architecture@20" "$root/opt/node"
  unpack_npm_package npm@10 "$root/opt/npm"
  ln -s /opt/node/bin/node "$root/usr/local/bin/node"
  printf '#!/bin/sh\nexec node /opt/npm/bin/npm-cli.js "$@"\n' >"$root/usr/local/bin/npm"
  chmod +x "$root/usr/local/bin/npm"
  # How this machine reaches the network.
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  cp -n /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
  npm config get registry | sed 's/^/registry=/' >"$root/root/.npmrc"
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then install -D -m 0644 "$NODE_EXTRA_CA_CERTS" "$root$NODE_EXTRA_CA_CERTS"; fi
  touch "$root/run/docker.sock"
}

# The mounts are in a namespace of their own, so that they end with the command.
run() {
  unshare --mount bash -euc '
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount --bind /var/run/docker.sock "$1/run/docker.sock"
    exec env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} \
      chroot "$1" sh -euc "$2"' bash "$root" "$1"
}

"$1" "$3"
