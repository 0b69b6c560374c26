#!/bin/bash
# Builds a CPython without the GIL from Debian's source package, as a target for the tests: Debian has no such binary.
#   ${AIOTRACE_PYTHONS:-.cache/pythons}/SUITE-VERSIONt/bin/pythonVERSIONt
# Takes three minutes on two processors, once. The machine's own package lists and packages stay as they are. If it is
# not available, the reason is printed; that is no failure. AIOTRACE_DEBIAN_MIRROR: see tools/debian_archive.sh.
# AIOTRACE_FREE_THREADED=0: build none.
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/debian_archive.sh

version=3.13
suites="trixie sid"
[ "${AIOTRACE_FREE_THREADED:-1}" != 0 ] || exit 0
store=${AIOTRACE_PYTHONS:-.cache/pythons}
mkdir -p "$store" || exit 0
store=$(cd "$store" && pwd)
compgen -G "$store/*-${version}t/.complete" >/dev/null && exit 0

say() { echo "get_free_threaded: $*" >&2; }

for tool in cc make xz; do
  command -v $tool >/dev/null || { say "skipped: no $tool on this machine"; exit 0; }
done
find_archive || { say "skipped: $why"; exit 0; }
work=$(mktemp -d "$store/.work-XXXXXX") || exit 0
trap 'rm -rf "$work"' EXIT

fetch_source() { # SUITE: the unpacked source in $work/source
  local suite=$1
  open_suite "$suite" || { why="$suite: ${suite_state[$suite]}"; return 1; }
  echo "deb-src [signed-by=$keyring] $mirror $suite main" >> "$work/$suite/sources.list"
  suite_apt apt-get "$suite" update
  # apt checks the package list's signature and with it the archive's checksum.
  if ! suite_apt apt-get "$suite" source --download-only "python$version"; then
    why="$suite: $(grep -m 1 '^E:' "$work/$suite/log" | cut -c1-120)"
    return 1
  fi
  mkdir "$work/source" && tar -xJf "$work/$suite"/cache/archives/python${version}_*.orig.tar.xz -C "$work/source" --strip-components=1
}

build() { # PREFIX LOG
  cd "$work/source" || return 1
  {
    nice ./configure -q --prefix="$1" --disable-gil --disable-test-modules --without-ensurepip CFLAGS="-O2 -g0" &&
      nice make -s -j"$(nproc)" && make -s install
  } >"$2" 2>&1 </dev/null
}

why=
for suite in $suites; do
  fetch_source "$suite" || continue
  target=$store/$suite-${version}t
  rm -rf "$target"
  say "building Python $version without the GIL, three minutes"
  if ! (build "$target" "$work/log") || [ ! -x "$target/bin/python${version}t" ]; then
    why="$suite: it does not build: $(tail -n 1 "$work/log" | cut -c1-200)"
    rm -rf "$target"
    break
  fi
  "$target/bin/python${version}t" -c 'import sys; print(sys.version.split()[0])' > "$target/.complete"
  say "got Python $(cat "$target/.complete") without the GIL: Debian $suite, source package"
  exit 0
done
say "no Python ${version} without the GIL: $why"
exit 0
