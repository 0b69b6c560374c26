#!/bin/bash
# Brings Debian's cloud kernels of several suites, for `make check-vm`:
#   ${AIOTRACE_KERNELS:-.cache/kernels}/SUITE/     vmlinuz, and `release`, which names it
# The machine's own package lists and packages stay as they are. Kernels that are not available are listed; that is no
# failure. AIOTRACE_DEBIAN_MIRROR: see tools/debian_archive.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/debian_archive.sh

suites=(bullseye bookworm trixie sid)
store=${AIOTRACE_KERNELS:-.cache/kernels}
mkdir -p "$store" || exit 0
store=$(cd "$store" && pwd)

say() { echo "get_kernels: $*" >&2; }

missing=()
for suite in "${suites[@]}"; do
  [ -e "$store/$suite/release" ] || missing+=("$suite")
done
[ ${#missing[@]} -gt 0 ] || exit 0

find_archive || { say "skipped: $why"; exit 0; }
work=$(mktemp -d "$store/.work-XXXXXX") || exit 0
trap 'rm -rf "$work"' EXIT

# The newest cloud kernel that the suite has as a package: the meta package may point to one that the archive of an old
# suite has lost.
newest() { # SUITE
  suite_apt apt-cache "$1" pkgnames linux-image- || return 1
  grep -E '^linux-image-[0-9][0-9.+~a-z-]*-cloud-amd64$' "$work/$1/log" | grep -v -e -rt- -e unsigned | sort -V | tail -n 1
}

fetch() { # SUITE
  local suite=$1 image deb vmlinuz package
  image=$(newest "$suite")
  [ -n "$image" ] || { why="it lists no linux-image-…-cloud-amd64"; return 1; }
  # Newer suites have the kernel itself in a package of its own.
  for package in "$image" "${image/linux-image/linux-binary}"; do
    suite_apt apt-get "$suite" download "$package" || continue
    deb=$(compgen -G "$work/$suite/cache/archives/${package}_*.deb" | head -n 1)
    [ -n "$deb" ] || continue
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/$suite" --wildcards './boot/vmlinuz-*' './usr/lib/modules/*/vmlinuz' \
      2>/dev/null
    vmlinuz=$(find "$work/$suite/boot" "$work/$suite/usr" -name 'vmlinuz*' 2>/dev/null | head -n 1)
    [ -z "$vmlinuz" ] || break
  done
  [ -n "${vmlinuz:-}" ] || { why="no kernel in $image: $(grep -m 1 '^E:' "$work/$suite/log" | cut -c1-120)"; return 1; }
  rm -rf "${store:?}/$suite"
  mkdir -p "$store/$suite"
  mv "$vmlinuz" "$store/$suite/vmlinuz"
  echo "${image#linux-image-}" > "$store/$suite/release"
  say "got ${image#linux-image-}, Debian $suite"
}

for suite in "${missing[@]}"; do
  why=
  if ! open_suite "$suite"; then
    say "no kernel of $suite: ${suite_state[$suite]}"
  elif ! fetch "$suite"; then
    say "no kernel of $suite: $why"
  fi
done
exit 0
