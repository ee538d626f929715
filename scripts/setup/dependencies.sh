# node_modules in step with package-lock.json. Sourced by scripts/setup.sh.

# The packages bring the Node that everything runs on; only npm itself needs the machine's own.
check_node_age() {
  local version
  version=$(node --version 2>/dev/null) || return 0
  at_least "$version" 20 0 ||
    fail "Node.js $version is too old; 20 or newer is needed." 'Get it: https://nodejs.org/en/download'
}

ensure_dependencies() {
  have npm || fail 'npm is not on this machine.' 'Get it with Node.js: https://nodejs.org/en/download'
  local installed=node_modules/.installed-lock wanted=package-lock.json
  cmp -s "$wanted" "$installed" && return
  step 'Installing the npm packages' 'Does "npm ping" answer on this machine?' npm ci --no-audit --no-fund
  # Written last: after an interrupted install it is not there, and the next run installs again.
  cp "$wanted" "$installed"
}
