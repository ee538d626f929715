#!/usr/bin/env bash
# healthcheck.sh PORT PATH: succeeds if this container answers GET PATH on PORT with 200. The image's HEALTHCHECK limits
# its time.
set -euo pipefail

exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
read -r _ status _ <&3
# A client that closes before the end of the response would be logged as an aborted connection.
cat <&3 >/dev/null
[ "$status" = 200 ]
