# Installs node_modules as package-lock.json says. Sourced by scripts/setup.sh.

# npm runs on the machine's Node; everything else runs on the Node in node_modules.
check_node_age() {
  local version
  version=$(node --version 2>/dev/null) || return 0
  at_least "$version" 20 0 ||
    fail "Node.js $version is too old; 20 or newer is needed." 'Get it: https://nodejs.org/en/download'
}

ensure_dependencies() {
  have npm || fail 'npm is not installed.' 'Get it with Node.js: https://nodejs.org/en/download'
  local installed=node_modules/.installed-lock wanted=package-lock.json
  cmp -s "$wanted" "$installed" && return
  step 'Installing the npm packages' 'Check that "npm ping" succeeds on this machine.' npm ci --no-audit --no-fund
  # Written last, so that the next run repeats an interrupted install.
  cp "$wanted" "$installed"
}
