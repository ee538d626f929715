# Which Compose project this checkout uses: compose.yaml has no name, so Compose takes COMPOSE_PROJECT_NAME or else the
# name of the checkout's folder. Sourced, never run.

readonly PROJECT_LABEL=com.docker.compose.project VOLUME_LABEL=com.docker.compose.volume
# The name in compose.yaml and of the local images in earlier releases.
readonly FORMER_NAME=three-tier

# Fails if the project belongs to another checkout, or if using it would leave data of an earlier release behind.
ensure_project() {
  local project folders folder
  have docker || fail 'Docker is not installed.' "Get it: $ENGINE_HELP"
  check_compose_files
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

# Fails for files of another project, as a shell may have them for all that is run in it. The folder of the first one is
# the project's.
check_compose_files() {
  local files separator file names
  files=$(setting COMPOSE_FILE)
  [ -n "$files" ] || return 0
  separator=$(setting COMPOSE_PATH_SEPARATOR)
  IFS=${separator:-:} read -r -a names <<<"$files"
  if [ "$(dirname -- "${names[0]}")" -ef . ]; then
    for file in "${names[@]}"; do
      [ "${file##*/}" != compose.yaml ] || [ ! "$(dirname -- "$file")" -ef . ] || return 0
    done
  fi
  fail "COMPOSE_FILE is for another project: $files" \
    'It is set in .env or the environment. Unset it, or begin it with compose.yaml: COMPOSE_FILE=compose.yaml:mine.yaml'
}

has_data() {
  [ -n "$(docker volume ls --quiet --filter "label=$PROJECT_LABEL=$1" --filter "label=$VOLUME_LABEL=db-writer-data")" ]
}
