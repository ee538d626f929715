#!/usr/bin/env bash
# Healthy: a target behind this balancer answers through it.
set -euo pipefail

exec 3<>"/dev/tcp/127.0.0.1/$PORT"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
# To its end: leaving early would be logged as an aborted connection.
timeout 2 cat <&3 >/dev/null
[ "$status" = 200 ]
