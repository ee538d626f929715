# Reads the settings of .env.example as Compose does. Sourced, never run.

# setting NAME: prints its value, or nothing if it is not set. The environment overrides .env.
setting() {
  local from_environment=${!1:-}
  if [ -n "$from_environment" ]; then
    printf '%s' "$from_environment"
  elif [ -f .env ]; then
    # A quoted value, or all up to a comment.
    sed -n "s/^[[:space:]]*$1=//p" .env | tail -n 1 |
      sed -E "s/^\"([^\"]*)\".*/\1/; t; s/^'([^']*)'.*/\1/; t; s/(^|[[:space:]]+)#.*//; s/[[:space:]]+\$//"
  fi
}

# Reports all invalid settings at once, before one of them makes a later step fail.
check_settings() {
  local name value problems=()
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
