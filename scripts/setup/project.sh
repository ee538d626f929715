# Which Compose project this checkout uses: compose.yaml has no name, so Compose takes COMPOSE_PROJECT_NAME or else the
# name of the checkout's folder. Sourced, never run.

readonly PROJECT_LABEL=com.docker.compose.project VOLUME_LABEL=com.docker.compose.volume
# The name in compose.yaml and of the local images in earlier releases.
readonly FORMER_NAME=three-tier

# Fails if the project belongs to another checkout, or if using it would leave data of an earlier release behind.
ensure_project() {
  local project folders folder
  have docker || fail 'Docker is not installed.' "Get it: $ENGINE_HELP"
  case $(docker compose config 2>&1 >/dev/null) in
    # The folder's name has none of the characters that a project's name may have.
    *'project name must not be empty'*)
      append_setting COMPOSE_PROJECT_NAME "checkout-$RANDOM" "The name of this checkout's folder gives no name for the Compose project."
      ;;
  esac
  project=$(docker compose config | sed -n 's/^name: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p') ||
    fail 'Compose cannot read the project; its message is above.' \
      "If it is about the project's name: set COMPOSE_PROJECT_NAME in .env." \
      'If it is about a file: COMPOSE_FILE names the files, in .env or the environment.'

  folders=$(docker ps --all --filter "label=$PROJECT_LABEL=$project" --format "{{.Label \"$PROJECT_LABEL.working_dir\"}}")
  while IFS= read -r folder; do
    [ -z "$folder" ] || [ "$folder" -ef . ] ||
      fail "The Compose project '$project' belongs to another checkout: $folder" \
        'Give this checkout a project of its own: set COMPOSE_PROJECT_NAME in .env or the environment.' \
        "If that checkout was moved here, remove its containers first, its data stays: docker compose --project-name $project down"
  done <<<"$folders"

  # Whoever sets the name has chosen which data to use.
  [ -z "$(setting COMPOSE_PROJECT_NAME)" ] || return 0
  if [ "$project" != "$FORMER_NAME" ] && has_data "$FORMER_NAME" && ! has_data "$project"; then
    fail "An earlier release has stored data in the Compose project '$FORMER_NAME'; this checkout's project is '$project'." \
      "To use that data: set COMPOSE_PROJECT_NAME=$FORMER_NAME in .env." \
      "To start without it: set COMPOSE_PROJECT_NAME=$project in .env."
  fi
}

has_data() {
  [ -n "$(docker volume ls --quiet --filter "label=$PROJECT_LABEL=$1" --filter "label=$VOLUME_LABEL=db-writer-data")" ]
}
