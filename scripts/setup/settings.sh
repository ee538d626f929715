# The settings of .env.example. Sourced, never run.

# Those that the scripts ask for.
readonly SETTINGS='COMPOSE_PROJECT_NAME COMPOSE_FILE WEB_PORT WEB_COUNT APP_COUNT LOG_LEVEL DEBIAN_IMAGE NODE_IMAGE MYSQL_IMAGE NODE_EXTRA_CA_CERTS'

# setting NAME: prints its value, or nothing if it is not set. The environment overrides .env.
setting() {
  [ -n "${resolved_settings:-}" ] || resolve_settings
  case $resolved_settings in
    *$'\n'"$1="*) printf '%s\n' "$resolved_settings" | sed -n "s/^$1=//p" ;;
    *) setting_without_compose "$1" ;;
  esac
}

# Sets $resolved_settings to a line NAME=VALUE for each setting. Only Compose reads .env as Compose does: with an image
# per setting, it prints their values and starts nothing.
resolve_settings() {
  local version model values name none=$'\nCOMPOSE_PROJECT_NAME=none\n'
  resolved_settings=$'\n'
  # An older one is named when the engine is checked.
  version=$(docker compose version --short 2>/dev/null) || return 0
  case $version in [0-9]* | v[0-9]*) at_least "$version" 2 20 || return 0 ;; *) return 0 ;; esac
  model=$'name: none\nservices:\n'
  for name in $SETTINGS; do model+="  $name: { image: '$name=\${$name:-}' }"$'\n'; done
  values=$(docker compose --file - --project-directory . config --images <<<"$model") ||
    fail 'Compose cannot read the settings; its message is above.' \
      'They are in .env or the environment, and described in .env.example.'
  resolved_settings=$'\n'$values$'\n'
  # What Compose takes from the file above is not set.
  resolved_settings=${resolved_settings/"$none"/$'\nCOMPOSE_PROJECT_NAME=\n'}
}

# For commands that need no Docker: the lines of .env without variables in their values.
setting_without_compose() {
  local name="\\(export[[:space:]]\\{1,\\}\\)\\{0,1\\}$1[[:space:]]*"
  if [ -n "${!1:-}" ]; then
    printf '%s' "${!1}"
  elif [ -f .env ]; then
    sed -n -e "s/$(printf '\r')\$//" -e "s/^$(printf '\357\273\277')//" -e "s/^[[:space:]]*$name=[[:space:]]*//p" .env |
      tail -n 1 | sed -e 's/^"\([^"]*\)".*/\1/' -e t -e "s/^'\([^']*\)'.*/\1/" -e t \
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
  resolve_settings
  value=$(setting WEB_PORT)
  case ${value:-8080} in
    *[!0-9]* | ??????*) problems+=("WEB_PORT: expected a port from 1 to 65535, got '$value'") ;;
    *) [ "${value:-8080}" -ge 1 ] && [ "${value:-8080}" -le 65535 ] ||
      problems+=("WEB_PORT: expected a port from 1 to 65535, got '$value'") ;;
  esac
  value=$(setting LOG_LEVEL)
  case ${value:-info} in
    trace | debug | info | warn | error | fatal) ;;
    *) problems+=("LOG_LEVEL: expected trace, debug, info, warn, error or fatal, got '$value'") ;;
  esac
  for name in DEBIAN_IMAGE NODE_IMAGE MYSQL_IMAGE; do
    value=$(setting "$name")
    case ${value:-image} in
      *[!A-Za-z0-9._/:@-]*) problems+=("$name: expected an image like debian:trixie-slim, got '$value'") ;;
    esac
  done
  value=$(setting NODE_EXTRA_CA_CERTS)
  [ -z "$value" ] || [ -r "$value" ] || problems+=("NODE_EXTRA_CA_CERTS: expected a readable file, got '$value'")
  [ ${#problems[@]} -eq 0 ] ||
    fail 'Invalid settings in .env or the environment.' "${problems[@]}" 'They are described in .env.example.'
}
