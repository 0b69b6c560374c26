# Packages of any Debian suite, beside the machine's own: sourced by tools/get_pythons.sh, get_kernels.sh and get_clangs.sh.
# The machine's own package lists and packages stay as they are. tests/fresh finds the archive of Ubuntu here too.
# AIOTRACE_DEBIAN_MIRROR and AIOTRACE_UBUNTU_MIRROR name the archives; by default they are those that this machine's own
# package sources use.
# shellcheck shell=bash

find_archive() { # [Debian|Ubuntu]: sets `mirror` and `keyring`; otherwise the reason, in `why`
  local tool origin=${1:-Debian} name
  name=${origin,,}
  for tool in apt-get dpkg-deb tar; do
    command -v $tool >/dev/null || { why="no $tool on this machine"; return 1; }
  done
  [ "$(dpkg --print-architecture)" = amd64 ] || { why="only for amd64"; return 1; }
  case $origin in
    Debian) mirror=${AIOTRACE_DEBIAN_MIRROR:-} ;;
    Ubuntu) mirror=${AIOTRACE_UBUNTU_MIRROR:-} ;;
  esac
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Origin: $origin" \
    2>/dev/null | grep -v -e security -e '^cdrom' | head -n 1)
  if [ -z "$mirror" ]; then
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
      grep -oE '^(deb|URIs:) .*' | grep -oE "https?://[^ ]+/$name/?( |\$)" | head -n 1)
    mirror=${mirror% }
  fi
  [ -n "$mirror" ] || { why="this machine has no $origin archive in its sources: set AIOTRACE_${origin^^}_MIRROR"; return 1; }
  keyring=/usr/share/keyrings/$name-archive-keyring.gpg
  [ -r "$keyring" ] || { why="no $keyring on this machine, to check $origin's packages with"; return 1; }
}

suite_apt() { # TOOL SUITE ARGUMENT…: apt with lists, state and cache in $work/SUITE, as on a machine without any package
  local tool=$1 dir=$work/$2
  shift 2
  (cd "$dir/cache/archives" && timeout 600 "$tool" -q \
    -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Install-Recommends=false -o APT::Sandbox::User= \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o APT::Get::Assume-Yes=true -o Debug::NoLocking=1 \
    -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= -o DPkg::Post-Invoke= "$@" \
    </dev/null >"$dir/log" 2>&1)
}

declare -A suite_state
open_suite() { # SUITE: its package lists, fetched once; otherwise ${suite_state[SUITE]} has the reason
  local suite=$1 dir=$work/$1
  if [ -z "${suite_state[$suite]:-}" ]; then
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    : > "$dir/status"
    echo "deb [signed-by=$keyring] $mirror $suite main" > "$dir/sources.list"
    suite_state[$suite]=reached
    # apt-get update succeeds with warnings if nothing could be fetched, so the lists are checked.
    suite_apt apt-get "$suite" update
    compgen -G "$dir/state/lists/*_Packages*" >/dev/null || suite_state[$suite]="not reachable ($(grep -m 1 '^[EW]:' "$dir/log" | cut -c1-120))"
  fi
  [ "${suite_state[$suite]}" = reached ]
}
