#!/bin/bash
# Boots one instance of a tier: installs Docker, pulls the image, writes the database password if the tier needs it,
# runs one container under systemd, watches the alarms for a while, then signals the result to CloudFormation once.
# cloud-init runs this script as root on the first boot. lib/boot.ts inserts the settings:
#   tier region stack group    this instance's tier, and the stack and group that wait for its signal
#   target_group               the target group in which the instance must become healthy
#   image port health_path     the image, its port, published on the instance, and the path of its health check
#   environment                its environment variables, NAME=value
#   secret secret_gid          the secret with the password and the group that may read it, both empty without a secret
#   log_group stop_seconds     the container's log group, and how long it may take to stop
#   memory processes           the most memory and processes (with their threads) of the container
#   alarms bake_seconds        the alarms that stop a deployment, separated by spaces, and for how long they are watched
# @settings@
set -euo pipefail

export AWS_DEFAULT_REGION=$region AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=8
instance=$(</var/lib/cloud/data/instance-id)
readonly instance
readonly credentials=/run/database-credentials

main() {
  step install_docker
  step pull_image
  [ -z "$secret" ] || step install_password
  step run_container
  step wait_until container_is_healthy 120
  step wait_until target_is_healthy 480
  [ -z "$alarms" ] || step watch_alarms
}

# step COMMAND…: runs it, and remembers it for the report of a failure.
step() {
  current=$*
  "$@"
}

# Runs when the script ends, for whatever reason: the exit status is the result.
# Outside a deployment, when a group scales out, CloudFormation rejects the signal.
signal() {
  local status=$? result=SUCCESS
  [ "$status" -eq 0 ] || result=FAILURE
  log "boot of $tier: $result"
  # Before the signal: CloudFormation may terminate the instance at once.
  [ "$status" -eq 0 ] || report_failure || log 'the report of the failure was not sent'
  aws cloudformation signal-resource --stack-name "$stack" --logical-resource-id "$group" \
    --unique-id "$instance" --status "$result" || log 'no deployment waits for this signal'
  exit "$status"
}

# Sends the failed step and the end of the boot's output to the tier's log group, as one line in the form of the tiers'.
report_failure() {
  local stream=$instance-boot report=/run/boot-report.json
  # cloud-init writes the output through a pipe.
  sleep 1
  tail --bytes 20000 /var/log/cloud-init-output.log | python3 -c '
import json, sys, time
tier, step = sys.argv[1:]
line = {"level": "error", "service": tier, "msg": "boot failed", "step": step, "output": sys.stdin.read()}
print(json.dumps([{"timestamp": int(time.time() * 1000), "message": json.dumps(line)}]))
' "$tier" "${current:-start}" >$report
  timeout 60 aws logs create-log-stream --log-group-name "$log_group" --log-stream-name "$stream" &&
    timeout 60 aws logs put-log-events --log-group-name "$log_group" --log-stream-name "$stream" \
      --log-events "file://$report" >/dev/null
}

log() { printf '%s\n' "$*" >&2; }

# The agent of Systems Manager installs packages at the same time. Either may fail then:
# https://github.com/amazonlinux/amazon-linux-2023/issues/397
install_docker() {
  until dnf install --assumeyes --quiet docker jq; do
    [ "$SECONDS" -lt 120 ] || return 1
    log 'installing Docker failed, trying again'
    sleep 5
  done
  systemctl enable --now docker
}

pull_image() {
  local attempt
  for attempt in 1 2 3; do
    aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}" && docker pull --quiet "$image" && return
    log "pulling $image failed ($attempt of 3)"
  done
  return 1
}

# Writes the password to a file in memory that only root and the container's group may read, and refreshes it. Each
# new file is renamed into place, so that no process reads a partial one. The container mounts the folder.
install_password() {
  cat >/usr/local/sbin/database-password <<REFRESH
#!/bin/bash
set -euo pipefail
umask 077
install --directory --mode 0750 --group '$secret_gid' $credentials
aws secretsmanager get-secret-value --region '$region' --secret-id '$secret' --query SecretString --output text |
  jq --exit-status --raw-output --join-output .password >$credentials/.password
chmod 0440 $credentials/.password
chgrp '$secret_gid' $credentials/.password
mv $credentials/.password $credentials/password
REFRESH
  chmod 0700 /usr/local/sbin/database-password
  cat >/etc/systemd/system/database-password.service <<'UNIT'
[Unit]
Description=Writes the password of the database user
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/database-password
UNIT
  # After a rotation the previous password stays valid for weeks, so that a refresh every 5 min is enough.
  cat >/etc/systemd/system/database-password.timer <<'UNIT'
[Unit]
Description=Refreshes the password of the database user
[Timer]
OnActiveSec=5min
OnUnitActiveSec=5min
[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl start database-password.service
  systemctl enable --now database-password.timer
}

run_container() {
  local variable
  local options=(
    --name "$tier" --rm
    --publish "$port:$port"
    --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges:true
    --memory "$memory" --pids-limit "$processes"
    --log-driver awslogs --log-opt "awslogs-region=$region" --log-opt "awslogs-group=$log_group"
    --log-opt "awslogs-stream=$instance"
    # A slow CloudWatch must not block the container.
    --log-opt mode=non-blocking
  )
  for variable in "${environment[@]}"; do options+=(--env "$variable"); done
  [ -z "$secret" ] || options+=(--mount "type=bind,source=$credentials,target=/run/credentials,readonly")
  cat >/etc/systemd/system/tier.service <<UNIT
[Unit]
Description=The $tier tier
Requires=docker.service
After=docker.service${secret:+ database-password.service}
${secret:+Wants=database-password.service}
# The container is restarted however often it has failed. By default systemd gives up after five starts in 10 s.
StartLimitIntervalSec=0
[Service]
ExecStartPre=-/usr/bin/docker rm --force $tier
ExecStart=/usr/bin/docker run ${options[*]} $image
ExecStop=/usr/bin/docker stop --time $stop_seconds $tier
TimeoutStopSec=$((stop_seconds + 10))
# Docker sends the container's output to CloudWatch.
StandardOutput=null
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now tier.service
}

# wait_until CHECK SECONDS: fails at the deadline, or as soon as systemd has restarted the container.
wait_until() {
  local deadline=$((SECONDS + $2))
  until "$1"; do
    container_has_not_exited || return 1
    if [ "$SECONDS" -ge "$deadline" ]; then
      log "$1: timed out after $2 s"
      return 1
    fi
    sleep 2
  done
}

container_has_not_exited() {
  [ "$(systemctl show --property NRestarts --value tier.service)" = 0 ] || { log 'the container has exited'; return 1; }
}

container_is_healthy() { curl --silent --fail --max-time 3 --output /dev/null "http://127.0.0.1:$port$health_path"; }

# A new target stays unhealthy until it has passed several health checks.
target_is_healthy() { [ "$(target_state)" = healthy ]; }

target_state() {
  aws elbv2 describe-target-health --target-group-arn "$target_group" --targets "Id=$instance" \
    --query 'TargetHealthDescriptions[0].TargetHealth.State' --output text
}

# Fails as soon as an alarm starts to fire, the target becomes unhealthy or the container exits. An alarm that fires at
# the first look never counts: this deployment may end its cause. What AWS does not answer is no failure.
watch_alarms() {
  local alarm firing known='' compared='' deadline=$((SECONDS + bake_seconds))
  # Nothing would be left to return to.
  ! is_rollback || { log 'a rollback does not watch the alarms'; return 0; }
  while [ "$SECONDS" -lt "$deadline" ]; do
    container_has_not_exited || return 1
    [ "$(target_state)" != unhealthy ] || { log 'the target has become unhealthy'; return 1; }
    if firing=$(firing_alarms); then
      if [ -z "$compared" ]; then
        log "watching the alarms for $bake_seconds s"
        known=$firing compared=yes
      fi
      for alarm in $firing; do
        [[ " $known " == *" $alarm "* ]] || { log "the alarm $alarm fires since this instance serves"; return 1; }
      done
    else
      log 'the alarms are unknown'
    fi
    sleep 5
  done
}

is_rollback() {
  [[ $(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text) == \
    *ROLLBACK_IN_PROGRESS ]]
}

# Separated by spaces.
firing_alarms() {
  # shellcheck disable=SC2086 # one argument for each alarm
  aws cloudwatch describe-alarms --alarm-names $alarms --query "MetricAlarms[?StateValue=='ALARM'].AlarmName" \
    --output text | tr -s '[:space:]' ' '
}

trap signal EXIT
main
