# The Debian mirrors of this machine, from its apt configuration, so that company mirrors work.
# Sourced by scripts/setup.sh.

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
