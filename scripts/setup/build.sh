# Builds the images of the Compose project. Sourced, never run.

# Has the cause, if the images of the last build have to do.
readonly NOT_BUILT=$SETUP_LOGS/not-built

ensure_build() {
  use_own_builder
  need_space 1
  rm -f "$NOT_BUILT"
  step 'Building the images' 'Fix the cause in the output and run this again: completed steps are cached.' build_images
  [ -e "$NOT_BUILT" ] || return 0
  printf '! The images could not be built, so those of the last build are started, without the changes since.\n'
  printf '  %s\n  The output of the build: %s\n' "$(cat "$NOT_BUILT")" "$SETUP_LOGS/Building-the-images.log"
}

# Where a server cannot be reached, the images of the last build do.
build_images() {
  docker compose build && return
  local cause
  # The step's log has its output.
  cause=$(known_cause "$SETUP_LOGS/Building-the-images.log")
  case $cause in
    network~* | transfer~* | 'rate limit'~* | 'registry failure'~* | proxy~* | certificate~*) ;;
    *) return 1 ;;
  esac
  have_images && printf '%s\n' "${cause#*~}" >"$NOT_BUILT"
}

have_images() {
  local image
  for image in $(docker compose config --images); do
    docker image inspect "$image" >/dev/null 2>&1 || return 1
  done
}
