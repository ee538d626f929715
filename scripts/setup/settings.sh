# The settings of .env.example. Sourced, never run.

# Those that the scripts ask for.
readonly SETTINGS='COMPOSE_PROJECT_NAME COMPOSE_FILE COMPOSE_PATH_SEPARATOR WEB_PORT WEB_ADDRESS WEB_COUNT APP_COUNT PROMETHEUS_PORT DEBUG_PORT PULL_POLICY LOG_LEVEL OTEL_EXPORTER_OTLP_ENDPOINT DEBIAN_IMAGE NODE_IMAGE MYSQL_IMAGE NODE_EXTRA_CA_CERTS'

# setting NAME: prints its value, or nothing if it is not set. The environment overrides .env.
setting() {
  [ -n "${resolved_settings:-}" ] || resolve_settings
  case $resolved_settings in
    *$'\n'"$1="*) printf '%s\n' "$resolved_settings" | sed -n "s/^$1=//p" ;;
    *) setting_without_compose "$1" ;;
  esac
}

# Fails for variables of the shell with which Compose does not read .env.
check_env_file() {
  local files file ignored=''
  [ -e .env ] || return 0
  if [ -n "${COMPOSE_ENV_FILES:-}" ]; then
    ignored=COMPOSE_ENV_FILES
    IFS=, read -r -a files <<<"$COMPOSE_ENV_FILES"
    for file in "${files[@]}"; do
      [ ! "$file" -ef .env ] || return 0
    done
  else
    case ${COMPOSE_DISABLE_ENV_FILE-0} in 0 | f | F | false | False | FALSE) ;; *) ignored=COMPOSE_DISABLE_ENV_FILE ;; esac
  fi
  [ -z "$ignored" ] ||
    fail "Compose does not read .env with $ignored=${!ignored}, and it has settings of this checkout." \
      "To use it: unset $ignored"
}

# Sets $resolved_settings to a line NAME=VALUE for each setting. Only Compose reads .env as Compose does: with an image
# per setting, it prints their values and starts nothing.
resolve_settings() {
  local version model values name none=$'\nCOMPOSE_PROJECT_NAME=none\n'
  check_env_file
  resolved_settings=$'\n'
  # An older one is named when the engine is checked.
  version=$(docker compose version --short 2>/dev/null) || return 0
  case $version in [0-9]* | v[0-9]*) at_least "$version" 2 20 || return 0 ;; *) return 0 ;; esac
  model=$'name: none\nservices:\n'
  for name in $SETTINGS; do model+="  $name: { image: '$name=\${$name:-}' }"$'\n'; done
  values=$(docker compose --file - --project-directory . config --images <<<"$model") ||
    fail 'Compose cannot read the settings; its message is above.' \
      "If it is about the project's name: COMPOSE_PROJECT_NAME is invalid." \
      'If it is about ParseBool: COMPOSE_DISABLE_ENV_FILE is neither true nor false.' \
      'They are in .env or the environment, and described in .env.example.'
  resolved_settings=$'\n'$values$'\n'
  # What Compose takes from the file above is not set.
  resolved_settings=${resolved_settings/"$none"/$'\nCOMPOSE_PROJECT_NAME=\n'}
}

# Where there is no Compose yet: the lines of .env, without those that have variables in their values.
setting_without_compose() {
  local name="\\(export[[:space:]]\\{1,\\}\\)\\{0,1\\}$1[[:space:]]*"
  # As in Compose, an empty one counts.
  if [ -n "${!1+set}" ]; then
    printf '%s' "${!1}"
  elif [ -f .env ]; then
    sed -n -e "s/$(printf '\r')\$//" -e "s/^$(printf '\357\273\277')//" -e "s/^[[:space:]]*$name[=:][[:space:]]*//p" .env |
      tail -n 1 | sed -e "/^'/b" -e '/[$]/d' | sed -e 's/^"\([^"]*\)".*/\1/' -e t -e "s/^'\([^']*\)'.*/\1/" -e t \
      -e 's/^#.*//' -e 's/[[:space:]]#.*//' -e 's/[[:space:]]*$//'
  fi
}

# append_setting NAME VALUE REASON: adds a line to .env and changes no other.
append_setting() {
  # Ends a last line that has no newline.
  if [ -s .env ] && [ -n "$(tail -c 1 .env)" ]; then printf '\n' >>.env; fi
  printf '# %s\n%s=%s\n' "$3" "$1" "$2" >>.env
  resolve_settings
}

# Reports all invalid settings at once, before one of them makes a later step fail.
check_settings() {
  local name value problems=()
  local port='[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]'
  local octet='(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
  resolve_settings
  expect_setting COMPOSE_PROJECT_NAME '[a-z0-9][a-z0-9_-]*' 'lowercase letters, digits, - and _, beginning with a letter or digit'
  for name in WEB_PORT PROMETHEUS_PORT DEBUG_PORT; do
    expect_setting "$name" "$port" 'a port from 1 to 65535'
  done
  expect_setting WEB_ADDRESS "($octet\\.){3}$octet|\\[[0-9A-Fa-f:.]+]" 'an IPv4 address, or an IPv6 address in brackets'
  for name in WEB_COUNT APP_COUNT; do
    expect_setting "$name" '[1-9]|1[0-6]' 'a number from 1 to 16'
  done
  expect_setting PULL_POLICY 'build|missing' 'build or missing'
  expect_setting LOG_LEVEL 'trace|debug|info|warn|error|fatal|silent' 'trace, debug, info, warn, error, fatal or silent'
  expect_setting OTEL_EXPORTER_OTLP_ENDPOINT 'https?://[^[:space:]]+' 'an http or https address'
  for name in DEBIAN_IMAGE NODE_IMAGE MYSQL_IMAGE; do
    expect_setting "$name" '[A-Za-z0-9._/:@-]+' 'an image like debian:trixie-slim'
  done
  value=$(setting NODE_EXTRA_CA_CERTS)
  # Docker takes a comma for the end of the path.
  case $value in
    *,*) problems+=("NODE_EXTRA_CA_CERTS: expected a path without a comma, got '$value'") ;;
    ?*) [ -r "$value" ] || problems+=("NODE_EXTRA_CA_CERTS: expected a readable file, got '$value'") ;;
  esac
  [ ${#problems[@]} -eq 0 ] ||
    fail 'Invalid settings in .env or the environment.' "${problems[@]}" 'They are described in .env.example.'
}

# expect_setting NAME PATTERN EXPECTED: adds a problem if the setting has a value that PATTERN does not match completely.
expect_setting() {
  local value pattern="^($2)\$"
  value=$(setting "$1")
  [[ -z $value || $value =~ $pattern ]] || problems+=("$1: expected $3, got '$value'")
}
