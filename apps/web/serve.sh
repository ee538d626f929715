#!/bin/bash
# serve [CONFIGURATION]: runs httpd and drains it before it stops.
# APP_UPSTREAM: the app tier, host:port. BALANCER_NETWORKS: those of the load balancer, as CIDR blocks with commas between
# them; by default the container's own.
# PID 1 is a shell because httpd closes its listeners as soon as it receives the signal for a graceful stop. The balancer
# must detect the stop before that: docs/decisions/0004-web-drains-before-it-closes.md.
set -u
if [ -z "${APP_UPSTREAM:-}" ]; then
  echo '{"level":"error","service":"web","message":"APP_UPSTREAM is not set: expected host:port of the app tier"}' >&2
  exit 1
fi

# Prints the networks that this container is in; of a topology, only the balancers are in them, too. The bytes of
# /proc/net/route are in reverse order.
own_networks() {
  local destination gateway mask
  while read -r _ destination gateway _ _ _ _ mask _; do
    [ "$gateway" = 00000000 ] || continue
    printf '%d.%d.%d.%d/%d.%d.%d.%d ' "0x${destination:6:2}" "0x${destination:4:2}" "0x${destination:2:2}" \
      "0x${destination:0:2}" "0x${mask:6:2}" "0x${mask:4:2}" "0x${mask:2:2}" "0x${mask:0:2}"
  done </proc/net/route
}

# Whose X-Forwarded-For is believed.
networks=${BALANCER_NETWORKS:-127.0.0.1 $(own_networks)}
export BALANCER_NETWORKS=${networks//,/ }

# Writes the access log at most once every 10 ms. If each request wrote its own line, the engine would wake up for each:
# docs/decisions/0003-apache-logs-are-json.md.
exec > >(exec perl -e 'while (sysread STDIN, my $lines, 65536) { syswrite STDOUT, $lines; select undef, undef, undef, 0.01 }')
access_log=$!

# Turns every line that httpd and its libraries write into one JSON object. ErrorLogFormat gives
# "date time level module requestId logId client message"; other lines do not come from the error log.
# AH00941, a request rejected because no connection to the app was free, is dropped: the access log has that request (503,
# no upstreamUs), and thousands of lines per second would cost more than the requests.
# stdbuf, not sed -u, which would read one byte at a time.
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
# A trapped signal interrupts wait.
[ -n "$stopping" ] || wait "$httpd"
if [ -n "$stopping" ]; then
  # A second signal stops httpd without a drain.
  trap 'kill -TERM "$httpd"' WINCH TERM INT
  touch /tmp/draining
  sleep "${DRAIN_SECONDS:-3}" & wait -n "$!" "$httpd"
  kill -WINCH "$httpd" 2>/dev/null
fi
while kill -0 "$httpd" 2>/dev/null; do wait "$httpd"; done
wait "$httpd"
status=$?

# The log writers exit when every process that writes to them has: they get 1 s, because children of a killed httpd may
# remain. The exit of PID 1 would kill the writers before they have written the last lines.
exec >/dev/null 2>/dev/null
for log in "$access_log" "$error_log"; do
  sleep 1 & wait -n "$!" "$log"
done
exit "$status"
