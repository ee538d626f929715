#!/bin/bash
# serve [CONFIGURATION]
# The container's first process: a shell, because httpd closes its listeners at the very moment it is told to stop
# gracefully. The balancer must look elsewhere before that: docs/decisions/0004-web-drains-before-it-closes.md.
set -u
if [ -z "${APP_UPSTREAM:-}" ]; then
  echo '{"level":"error","service":"web","message":"APP_UPSTREAM is not set: host:port of the app tier"}' >&2
  exit 1
fi

# The access log goes out in one write every 10 ms at most. Written by each request, every line would wake the engine
# that reads it, which costs nearly as much as the proxying: docs/decisions/0005-performance.md.
exec > >(exec perl -e 'while (sysread STDIN, my $lines, 65536) { syswrite STDOUT, $lines; select undef, undef, undef, 0.01 }')
access_log=$!

# stdbuf: with -u, sed would read a byte at a time. AH00941 tells of a request refused for lack of a connection to the
# app, which its line in the access log tells as well (503, no upstreamUs): thousands a second would cost more than they.
# Whatever httpd and its libraries say becomes one JSON object a line. ErrorLogFormat gives
# "date time level module requestId logId client message"; anything else comes from outside the error log.
exec 2> >(LC_ALL=C exec stdbuf -oL sed -E '/ AH00941: /d; s/[^ -~]/?/g; s/["\\]/\\&/g
  s/^([0-9-]{10}) ([0-9:.]{15}) (\S+) (\S+) (\S+) (\S+) (\S+) (.*)$/{"time":"\1T\2Z","level":"\3","service":"web","module":"\4","requestId":"\5","logId":"\6","client":"\7","message":"\8"}/
  t
  s/.*/{"level":"error","service":"web","message":"&"}/' >&2)
error_log=$!

rm -f /tmp/draining
stopping=''
trap 'stopping=yes' WINCH TERM INT
apache2 -D FOREGROUND -f "${1:-/srv/web/httpd.conf}" &
httpd=$!
# A trapped signal ends a wait.
[ -n "$stopping" ] || wait "$httpd"
if [ -n "$stopping" ]; then
  # A second signal ends everything at once.
  trap 'kill -TERM "$httpd"' WINCH TERM INT
  touch /tmp/draining
  sleep "${DRAIN_SECONDS:-3}" & wait -n "$!" "$httpd"
  kill -WINCH "$httpd" 2>/dev/null
fi
while kill -0 "$httpd" 2>/dev/null; do wait "$httpd"; done
wait "$httpd"
status=$?

# The last lines must be out before the end of PID 1 ends their writers; processes that a killed httpd left
# behind would keep them for ever.
exec >/dev/null 2>/dev/null
for log in "$access_log" "$error_log"; do
  sleep 1 & wait -n "$!" "$log"
done
exit "$status"
