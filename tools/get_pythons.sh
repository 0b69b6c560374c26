#!/bin/bash
# Brings Debian's interpreters of several suites, each with its own libc and libraries, as targets for the tests:
#   ${AIOTRACE_PYTHONS:-.cache/pythons}/SUITE-VERSION/     a root to run it in (tools/in_root.sh)
# The machine's own package lists and packages stay as they are. What cannot be had is named, and is no failure.
# AIOTRACE_DEBIAN_MIRROR names the archive; by default it is the one that this machine's own package sources use.
set -u
cd "$(dirname "$0")/.." || exit 1

# version, and the suites to look for it in. The first ones have it as their default and so in its most tested build.
wanted=(
  "3.9 bullseye"
  "3.11 bookworm"
  "3.13 trixie forky"
  "3.14 forky sid"
  "3.15 forky sid"
)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
store=${AIOTRACE_PYTHONS:-.cache/pythons}
mkdir -p "$store" || exit 0
store=$(cd "$store" && pwd)

say() { echo "get_pythons: $*" >&2; }

have() { # VERSION: is it unpacked already?
  compgen -G "$store/*-$1/.complete" >/dev/null
}

missing=0
for line in "${wanted[@]}"; do
  have "${line%% *}" || missing=1
done
[ $missing = 1 ] || exit 0

for tool in apt-get dpkg-deb tar; do
  command -v $tool >/dev/null || { say "skipped: no $tool on this machine"; exit 0; }
done
[ "$(dpkg --print-architecture)" = amd64 ] || { say "skipped: only for amd64"; exit 0; }
[ -r $keyring ] || { say "skipped: no $keyring (package debian-archive-keyring)"; exit 0; }
mirror=${AIOTRACE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
  2>/dev/null | grep -v -e security -e '^cdrom' | head -n 1)}
if [ -z "$mirror" ]; then
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    grep -oE '^(deb|URIs:) .*' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)
  mirror=${mirror% }
fi
[ -n "$mirror" ] || { say "skipped: this machine has no Debian archive in its sources: set AIOTRACE_DEBIAN_MIRROR"; exit 0; }

work=$(mktemp -d "$store/.work-XXXXXX") || exit 0
trap 'rm -rf "$work"' EXIT

suite_apt() { # SUITE ARGUMENT…: apt-get with lists, state and cache of its own, on a machine without any package
  local dir=$work/$1
  shift
  timeout 600 apt-get -q -y \
    -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Install-Recommends=false -o APT::Sandbox::User= \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Debug::NoLocking=1 \
    -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= -o DPkg::Post-Invoke= "$@" \
    </dev/null >"$dir/log" 2>&1
}

declare -A suite_state
open_suite() { # SUITE: its package lists, fetched once
  local suite=$1 dir=$work/$1
  if [ -z "${suite_state[$suite]:-}" ]; then
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    : > "$dir/status"
    echo "deb [signed-by=$keyring] $mirror $suite main" > "$dir/sources.list"
    suite_state[$suite]=reached
    # apt-get update succeeds with warnings when nothing could be fetched: the lists tell.
    suite_apt "$suite" update
    compgen -G "$dir/state/lists/*_Packages*" >/dev/null || suite_state[$suite]="not reachable ($(grep -m 1 '^[EW]:' "$dir/log" | cut -c1-120))"
  fi
  [ "${suite_state[$suite]}" = reached ]
}

unpack() { # SUITE VERSION
  local suite=$1 version=$2 root=$work/root-$1-$2 deb name full
  rm -f "$work/$suite"/cache/archives/*.deb
  if ! suite_apt "$suite" install --download-only "python$version"; then
    why="$suite: $(grep -m 1 '^E:' "$work/$suite/log" | cut -c1-120)"
    return 1
  fi
  # Packages of suites before and after the merge of /bin and /lib into /usr: the links serve both.
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{etc,tmp,proc,dev,sys,var/tmp,root}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  for deb in "$work/$suite"/cache/archives/*.deb; do
    if ! dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$root" \
      --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/man/*' 2>"$work/tar.log"; then
      why="$suite: cannot unpack ${deb##*/}: $(head -n 1 "$work/tar.log")"
      return 1
    fi
  done
  printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
  echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
  deb=$(compgen -G "$work/$suite/cache/archives/python${version}_*.deb" | head -n 1)
  full=$(dpkg-deb -f "$deb" Version)
  if [ ! -x "$root/usr/bin/python$version" ]; then
    why="$suite: the package has no /usr/bin/python$version"
    return 1
  fi
  echo "$full" > "$root/.complete"
  rm -rf "${store:?}/$suite-$version"
  mv "$root" "$store/$suite-$version" && say "got Python $version: Debian $suite, package $full"
}

for line in "${wanted[@]}"; do
  read -r version suites <<< "$line"
  have "$version" && continue
  why=
  for suite in $suites; do
    if open_suite "$suite"; then
      unpack "$suite" "$version" && continue 2
    else
      why="$suite: ${suite_state[$suite]}"
    fi
  done
  say "no Python $version: $why"
done
exit 0
