# Installs node_modules as package-lock.json says. Sourced by scripts/setup.sh.

readonly PINNED_NODE=node_modules/.bin/node INSTALLED=node_modules/.installed

# npm runs on the machine's Node; everything else runs on the Node in node_modules.
check_node_age() {
  local version
  version=$(node --version 2>/dev/null) || return 0
  at_least "$version" 20 0 ||
    fail "Node.js $version is too old; 20 or newer is needed." 'Get it: https://nodejs.org/en/download'
}

ensure_dependencies() {
  have npm || fail 'npm is not installed.' 'Get it with Node.js: https://nodejs.org/en/download'
  ensure_libatomic
  if ! wanted_packages | cmp -s - "$INSTALLED" || [ -n "$(node_error)" ]; then
    # npm itself would find it first, and one of another platform does not run.
    rm -f "$PINNED_NODE" "$INSTALLED"
    # The options that a user's npm configuration may set otherwise. No package has to run a script. npm itself runs on the
    # machine's Node.js, which may be older than packages ask for.
    step 'Installing the npm packages' 'Check that "npm ping" succeeds on this machine.' \
      npm ci --ignore-scripts --include=dev --include=optional --bin-links --no-audit --no-fund --no-engine-strict \
      --no-dry-run --no-install-links --install-strategy=hoisted --workspaces --include-workspace-root
    link_node
    ensure_libatomic
    [ -z "$(node_error)" ] ||
      fail "The Node.js in package-lock.json does not run on this machine ($(uname -sm)): $(node_error)" \
        'It needs Linux with glibc, or macOS, on arm64 or x86_64.'
    # Written last, so that the next run repeats an interrupted install.
    wanted_packages >"$INSTALLED"
  fi
  check_node_options
}

# The machine's Node.js may accept an option that this one does not.
check_node_options() {
  local problem
  [ -n "${NODE_OPTIONS:-}" ] || return 0
  problem=$("$PINNED_NODE" --version 2>&1) ||
    fail "Node.js does not run with NODE_OPTIONS=$NODE_OPTIONS: ${problem%%$'\n'*}" 'Unset it, or remove that option.'
}

# npm 10 removes the link when it skips the packages of other platforms, which have one of the same name.
link_node() {
  local binary
  for binary in node_modules/node-*/bin/node; do
    [ -e "$PINNED_NODE" ] || [ ! -e "$binary" ] || ln -s "../${binary#node_modules/}" "$PINNED_NODE"
  done
}

# What identifies an installation: packages of one platform do not run on another.
wanted_packages() { uname -sm && cat package-lock.json; }

# Prints why the Node.js in node_modules does not run; nothing if it does.
node_error() {
  local output
  output=$(NODE_OPTIONS='' "$PINNED_NODE" --version 2>&1) || printf '%s' "${output:-no output}"
}

# The only library that this Node.js needs and that a minimal Debian or Ubuntu lacks.
ensure_libatomic() {
  case $(node_error) in *libatomic*) ;; *) return 0 ;; esac
  if [ -z "$(distribution)" ]; then
    fail 'The library libatomic is not installed; Node.js needs it.' "Install this system's package libatomic."
  fi
  [ "$(id -u)" -eq 0 ] ||
    fail 'The library libatomic is not installed; Node.js needs it.' 'Install it: sudo apt-get install libatomic1'
  confirm 'Not installed: the library libatomic, which Node.js needs. Install the package libatomic1?' \
    'Install it: apt-get install libatomic1'
  step 'Installing libatomic1, which Node.js needs' 'Check that "apt-get update" succeeds on this machine.' install_libatomic
}

install_libatomic() {
  apt-get update
  apt_install libatomic1
}
