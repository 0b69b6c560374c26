#!/bin/bash
# Installs the Debian or Ubuntu packages that the given groups of tools/packages.txt need and that are missing.
#   tools/setup.sh [--check] [GROUP]…     (default: build)
# --check installs nothing: it fails and lists what is missing. Nothing is installed, asked or fetched when all is there.
# Without dpkg and apt-get it looks for commands, headers and libraries instead, and fails with the list of those that it
# does not find; with --check it then only lists them: the compiler may know a place that this script does not.
set -u
cd "$(dirname "$0")/.." || exit 1

known_groups=$(awk '$1 !~ /^#/ && NF { print $1 }' tools/packages.txt | uniq | tr '\n' ' ')
check=0
groups=()
for arg in "$@"; do
  case $arg in
    --check) check=1 ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; echo "groups: $known_groups"; exit 0 ;;
    *)
      [[ " $known_groups" == *" $arg "* ]] || { echo "setup: unknown group '$arg'; there are: $known_groups" >&2; exit 2; }
      groups+=("$arg")
      ;;
  esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build)

fail() {
  echo "setup: $*" >&2
  exit 1
}

# Names (with alternatives), signs and reasons of the wanted packages, in the order of the file.
names=()
declare -A shown_by reason
while read -r group name sign why; do
  case $group in '' | '#'*) continue ;; esac
  [[ " ${groups[*]} " == *" $group "* && -z "${reason[$name]:-}" ]] || continue
  names+=("$name")
  shown_by[$name]=$sign
  reason[$name]=$why
done < tools/packages.txt

list() { # NAME…: the first of each name's alternatives, with what it is for
  local name
  for name in "$@"; do printf '  %-28s %s\n' "${name%%|*}" "${reason[$name]}" >&2; done
}

found() { # SIGN[|SIGN]…: is one of them on this machine?
  local sign signs
  IFS='|' read -ra signs <<< "$1"
  for sign in "${signs[@]}"; do
    case $sign in
      -) return 0 ;;
      bpftool) tools/find_bpftool.sh ;;
      *.h | *.hpp) echo "#include <$sign>" | ${CXX:-g++} ${CPPFLAGS:-} -x c++ -E - ;;
      *.a) [ "$(${CXX:-g++} -print-file-name="$sign")" != "$sign" ] ;;
      *) command -v "$sign" ;;
    esac >/dev/null 2>&1 && return 0
  done
  return 1
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  missing=()
  for name in "${names[@]}"; do found "${shown_by[$name]}" || missing+=("$name"); done
  [ ${#missing[@]} -gt 0 ] || exit 0
  echo "setup: not found on this machine; on Debian and Ubuntu these packages have it:" >&2
  list "${missing[@]}"
  [ $check = 1 ] && exit 0
  fail "there is no apt-get here: install them with this system's own package manager, then run this again"
fi

# One query for all names; what dpkg does not know at all goes to its stderr.
mapfile -t queried < <(printf '%s\n' "${names[@]}" | tr '|' '\n')
installed=$'\n'$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${queried[@]}" 2>/dev/null | sed -n 's/^installed //p')$'\n'

missing=()
for name in "${names[@]}"; do
  there=0
  IFS='|' read -ra alternatives <<< "$name"
  for alternative in "${alternatives[@]}"; do
    [[ $installed == *$'\n'"$alternative"$'\n'* ]] && there=1
  done
  # Several packages contain a bpftool, and an installed one may not work, so try it.
  if [[ $name == bpftool* ]]; then
    there=0
    found bpftool && there=1
  fi
  [ $there = 1 ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: missing for ${groups[*]}:" >&2
list "${missing[@]}"
if [ $check = 1 ]; then
  fail "install them with: tools/setup.sh ${groups[*]}"
fi

root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "installing packages needs root, and there is no sudo: run tools/setup.sh ${groups[*]} as root"
  root=(sudo)
  echo "setup: using sudo for apt-get" >&2
fi

log=$(mktemp) || fail "cannot make a temporary file"
trap 'rm -f "$log"' EXIT
apt() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1
}
# sudo must be able to ask for the password: its prompt goes to the terminal, not into the log.
[ ${#root[@]} = 0 ] || sudo -v || fail "sudo was refused"

candidate() { # NAME: is there a version of it to install?
  apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}
# The package lists are fetched only if they are needed: an error here (one broken source of many) may be harmless.
updated=0
update() {
  [ $updated = 0 ] || return 0
  updated=1
  echo "setup: apt-get update" >&2
  apt update || { cat "$log" >&2; echo "setup: apt-get update reported errors; going on with the lists that are there" >&2; }
}

wanted=()
for name in "${missing[@]}"; do
  IFS='|' read -ra alternatives <<< "$name"
  chosen=
  for attempt in 1 2; do
    for alternative in "${alternatives[@]}"; do
      if [ -z "$chosen" ] && candidate "$alternative"; then chosen=$alternative; fi
    done
    [ -z "$chosen" ] && [ $attempt = 1 ] || break
    update
  done
  [ -n "$chosen" ] || fail "no package ${alternatives[0]} in the package sources of this machine (offline, or a release older than Debian 12 and Ubuntu 24.04? Ubuntu needs 'universe')"
  wanted+=("$chosen")
done

echo "setup: apt-get install ${wanted[*]}" >&2
if ! apt install --no-install-recommends "${wanted[@]}"; then
  # Stale lists name versions that are gone from the archive: one more try with fresh ones.
  update
  if ! apt install --no-install-recommends "${wanted[@]}"; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install the packages (offline? See the lines above)"
  fi
fi
if [[ " ${missing[*]} " == *" bpftool"* ]]; then
  tools/find_bpftool.sh >/dev/null || fail "bpftool was installed but does not run: set BPFTOOL to one that does"
fi
echo "setup: done" >&2
