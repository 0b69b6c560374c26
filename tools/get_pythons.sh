#!/bin/bash
# Brings Debian's interpreters of several suites, each with its own libc and libraries, as targets for the tests:
#   ${AIOTRACE_PYTHONS:-.cache/pythons}/SUITE-VERSION/     a root to run it in (tools/in_root.sh)
# The machine's own package lists and packages stay as they are. Versions that are not available are listed; that is no
# failure. AIOTRACE_DEBIAN_MIRROR: see tools/debian_archive.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/debian_archive.sh

# version, and the suites to look for it in. The first ones have it as their default and so in its most tested build.
wanted=(
  "3.9 bullseye"
  "3.11 bookworm"
  "3.13 trixie forky"
  "3.14 forky sid"
  "3.15 forky sid"
)
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

find_archive || { say "skipped: $why"; exit 0; }
work=$(mktemp -d "$store/.work-XXXXXX") || exit 0
trap 'rm -rf "$work"' EXIT

unpack() { # SUITE VERSION
  local suite=$1 version=$2 root=$work/root-$1-$2 deb name full
  rm -f "$work/$suite"/cache/archives/*.deb
  if ! suite_apt apt-get "$suite" install --download-only "python$version"; then
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
