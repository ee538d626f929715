# Packages of Debian and Ubuntu, from the mirrors in this machine's apt configuration, so that company mirrors work.
# Sourced by scripts/setup.sh.

# Prints debian or ubuntu; nothing for another system.
distribution() {
  have apt-get || return 0
  (
    . /etc/os-release 2>/dev/null || true
    case ${ID:-} in debian | ubuntu) printf '%s' "$ID" ;; esac
  )
}

apt_install() {
  # Completes an interrupted run of the package manager, which would refuse to install otherwise.
  dpkg --configure -a
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# confirm QUESTION ADVICE: asks on a terminal. Without one (CI, a script) the answer is yes.
confirm() {
  local answer=''
  [ -t 0 ] || return 0
  printf '%s [Y/n] ' "$1"
  read -r answer || answer=n
  case $answer in '' | y | Y | yes | Yes) ;; *) fail 'The installation was declined.' "$2" 'Nothing was changed.' ;; esac
}

# debian_mirror main|security: prints the mirror's URL, from DEBIAN_MIRROR or DEBIAN_SECURITY_MIRROR, else from the
# machine's apt sources (one-line or deb822).
debian_mirror() {
  local found
  case $1 in
    main) found=${DEBIAN_MIRROR:-} ;;
    security) found=${DEBIAN_SECURITY_MIRROR:-} ;;
  esac
  [ -n "$found" ] || found=$(apt_sources | awk -v want="$1" '
    { security = ($2 ~ /-security/) }
    (want == "security") == security { print $1; exit }')
  if [ -z "$found" ]; then
    printf 'The apt sources of this machine have no Debian mirror (%s): set DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR.\n' "$1" >&2
    return 1
  fi
  printf '%s' "$found"
}

# Prints "URL SUITE" for each Debian archive in the machine's apt sources.
apt_sources() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk '
      function flush() { if (uri != "" && comps ~ /main/ && (signed == "" || signed ~ /debian/)) print uri, suites; uri = suites = comps = signed = "" }
      /^[[:space:]]*$/ { flush() }
      /^URIs:/ { uri = $2 }
      /^Suites:/ { $1 = ""; suites = $0; gsub(/ +/, ",", suites) }
      /^Components:/ { comps = $0 }
      /^Signed-By:/ { signed = $0 }
      END { flush() }' "$file"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    awk '$1 == "deb" { sub(/\[[^]]*\] */, ""); if ($3 ~ /^(trixie|bookworm|bullseye|stable)/ && $0 ~ / main/) print $2, $3 }' "$file"
  done
}
