#!/bin/bash
# Boots one instance of a tier: Docker, the image, the database password where the tier needs it, one container under
# systemd; then tells CloudFormation, once, how that went. cloud-init runs this as root on the first boot, with the
# settings that lib/boot.ts puts in:
#   tier region stack group    what this instance is, and the resource that waits for its signal
#   target_group               where its target must become healthy before it counts
#   image port health_path     what runs, published on the same port of the instance
#   environment                its variables, NAME=value
#   secret reader              the secret with the password and who may read it, both empty without one
#   log_group stop_seconds
# @settings@
set -euo pipefail

export AWS_DEFAULT_REGION=$region AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=8
instance=$(</var/lib/cloud/data/instance-id)
readonly instance
readonly credentials=/run/three-tier

main() {
  dnf install --assumeyes --quiet docker jq
  systemctl enable --now docker
  pull_image
  [ -z "$secret" ] || keep_password
  run_container
  wait_until container_answers 120
  wait_until target_is_healthy 480
}

# The exit status is the verdict: whatever fails ends the script here, at once.
# After the deployment nobody waits any more (a group that grows boots instances too), and the call is refused.
signal() {
  local status=$? verdict=SUCCESS
  [ "$status" -eq 0 ] || verdict=FAILURE
  log "boot of $tier: $verdict"
  aws cloudformation signal-resource --stack-name "$stack" --logical-resource-id "$group" \
    --unique-id "$instance" --status "$verdict" || log 'no deployment waits for this signal'
  exit "$status"
}

log() { printf '%s\n' "$*" >&2; }

pull_image() {
  local attempt
  for attempt in 1 2 3; do
    aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}" && docker pull --quiet "$image" && return
    log "pulling $image failed ($attempt of 3)"
  done
  return 1
}

# The password lives in memory only, in a file of root that the container's user may read. It is renamed into place,
# so that no reader finds half of it; the container sees the folder, and with it each new file.
keep_password() {
  cat >/usr/local/sbin/three-tier-password <<REFRESH
#!/bin/bash
set -euo pipefail
umask 077
install --directory --mode 0750 --group '$reader' $credentials
aws secretsmanager get-secret-value --region '$region' --secret-id '$secret' --query SecretString --output text |
  jq --exit-status --raw-output --join-output .password >$credentials/.password
chmod 0440 $credentials/.password
chgrp '$reader' $credentials/.password
mv $credentials/.password $credentials/password
REFRESH
  chmod 0700 /usr/local/sbin/three-tier-password
  cat >/etc/systemd/system/three-tier-password.service <<'UNIT'
[Unit]
Description=Password of the database user
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/three-tier-password
UNIT
  # After a rotation the password before stays valid for weeks: minutes are soon enough.
  cat >/etc/systemd/system/three-tier-password.timer <<'UNIT'
[Unit]
Description=Refreshes the password of the database user
[Timer]
OnActiveSec=5min
OnUnitActiveSec=5min
[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl start three-tier-password.service
  systemctl enable --now three-tier-password.timer
}

run_container() {
  local variable
  local options=(
    --name "$tier" --rm
    --publish "$port:$port"
    --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges:true
    --log-driver awslogs --log-opt "awslogs-region=$region" --log-opt "awslogs-group=$log_group"
    --log-opt "awslogs-stream=$instance"
    # A slow CloudWatch must not stop the tier.
    --log-opt mode=non-blocking
  )
  for variable in "${environment[@]}"; do options+=(--env "$variable"); done
  [ -z "$secret" ] || options+=(--mount "type=bind,source=$credentials,target=/run/credentials,readonly")
  cat >/etc/systemd/system/three-tier.service <<UNIT
[Unit]
Description=The $tier tier
Requires=docker.service
After=docker.service${secret:+ three-tier-password.service}
${secret:+Wants=three-tier-password.service}
[Service]
ExecStartPre=-/usr/bin/docker rm --force $tier
ExecStart=/usr/bin/docker run ${options[*]} $image
ExecStop=/usr/bin/docker stop --time $stop_seconds $tier
TimeoutStopSec=$((stop_seconds + 10))
# Its output is in CloudWatch.
StandardOutput=null
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now three-tier.service
}

# wait_until CHECK SECONDS: a container that had to be started again has failed, long before the deadline.
wait_until() {
  local deadline=$((SECONDS + $2))
  until "$1"; do
    if [ "$(systemctl show --property NRestarts --value three-tier.service)" != 0 ]; then
      log 'the container stops by itself'
      return 1
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      log "$1: not within $2 s"
      return 1
    fi
    sleep 2
  done
}

container_answers() { curl --silent --fail --max-time 3 --output /dev/null "http://127.0.0.1:$port$health_path"; }

# Unhealthy is not the end: the balancer asks a new target several times before it believes it.
target_is_healthy() {
  [ "$(aws elbv2 describe-target-health --target-group-arn "$target_group" --targets "Id=$instance" \
    --query 'TargetHealthDescriptions[0].TargetHealth.State' --output text)" = healthy ]
}

trap signal EXIT
main
