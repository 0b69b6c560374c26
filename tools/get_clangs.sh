#!/bin/bash
# Brings Debian's clangs of several suites, to compile the BPF programs with each: see tests/vm/clangs.py.
#   tools/get_clangs.sh [--all]      the oldest (14) and the newest; --all: those between too
#   ${AIOTRACE_CLANGS:-.cache/clangs}/VERSION/bin/clang     runs with the libraries of its own suite, needs no root
# A version that the machine has itself (clang-VERSION) is not fetched. The machine's own package lists and packages
# stay as they are. Versions that are not available are listed; that is no failure. AIOTRACE_DEBIAN_MIRROR: see
# tools/debian_archive.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/debian_archive.sh

oldest=14 # tools/packages.txt
suites=(bookworm trixie forky sid)
which=short
[ "${1:-}" != --all ] || which=all
store=${AIOTRACE_CLANGS:-.cache/clangs}
mkdir -p "$store" || exit 0
store=$(cd "$store" && pwd)

say() { echo "get_clangs: $*" >&2; }

have() { # VERSION
  command -v "clang-$1" >/dev/null || [ -x "$store/$1/bin/clang" ]
}

# A complete run has left a mark: nothing is fetched again.
[ ! -e "$store/.$which-complete" ] && [ ! -e "$store/.all-complete" ] || exit 0

find_archive || { say "skipped: $why"; exit 0; }
work=$(mktemp -d "$store/.work-XXXXXX") || exit 0
trap 'rm -rf "$work"' EXIT

versions_of() { # SUITE
  suite_apt apt-cache "$1" pkgnames clang- && grep -oE '^clang-[0-9]+$' "$work/$1/log" | grep -oE '[0-9]+' | sort -n
}

# clang itself and its headers; of its dependencies only the libraries, not the linker and gcc.
download() { # SUITE VERSION
  local suite=$1 version=$2 direct
  rm -f "$work/$suite"/cache/archives/*.deb
  suite_apt apt-cache "$suite" depends --important "clang-$version" || return 1
  direct=$(grep -oE 'Depends: (libc6|libclang-cpp[^ ]+|libgcc-s1|libllvm[^ ]+|libstdc\+\+6)$' "$work/$suite/log" | cut -d' ' -f2)
  # shellcheck disable=SC2086 # words
  suite_apt apt-get "$suite" install --download-only $direct || return 1
  suite_apt apt-get "$suite" download "clang-$version" "libclang-common-$version-dev"
}

# The loader is started explicitly, because the libraries are not at their usual place; so clang does not find its
# headers by itself.
write_wrapper() { # ROOT VERSION
  local headers
  headers=$(cd "$1/usr/lib" && find "llvm-$2/lib/clang" -path '*/include/stdbool.h' | sort | head -n 1)
  headers=${headers%/include/stdbool.h}
  mkdir -p "$1/bin"
  cat >"$1/bin/clang" <<WRAPPER
#!/bin/sh
root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
lib=\$root/usr/lib
exec "\$lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "\$lib/x86_64-linux-gnu:\$lib/llvm-$2/lib" \\
  "\$lib/llvm-$2/bin/clang" -resource-dir "\$lib/$headers" "\$@"
WRAPPER
  chmod 755 "$1/bin/clang"
}

unpack() { # SUITE VERSION
  local suite=$1 version=$2 root=$work/root-$2 deb
  if ! download "$suite" "$version"; then
    why="$suite: $(grep -m 1 '^E:' "$work/$suite/log" | cut -c1-120)"
    return 1
  fi
  # Packages of suites before and after the merge of /lib into /usr: the links serve both.
  mkdir -p "$root"/usr/{lib,lib64}
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  for deb in "$work/$suite"/cache/archives/*.deb; do
    if ! dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$root" \
      --exclude='./usr/share/*' --exclude='*/lib/linux/*' --exclude='*.a' 2>"$work/tar.log"; then
      why="$suite: cannot unpack ${deb##*/}: $(head -n 1 "$work/tar.log")"
      return 1
    fi
  done
  write_wrapper "$root" "$version"
  if ! why="$suite: $(echo '#include <stdbool.h>' | "$root/bin/clang" -target bpf -x c -c -o /dev/null - 2>&1 | head -n 1)" ||
    [ "$why" != "$suite: " ]; then
    return 1
  fi
  rm -rf "${store:?}/$version"
  mv "$root" "$store/$version" && say "got clang $version of Debian $suite"
}

# version -> suites that have it, the oldest first.
declare -A offered
if [ $which = short ]; then suites=(bookworm sid); fi
for suite in "${suites[@]}"; do
  if open_suite "$suite"; then
    for version in $(versions_of "$suite"); do offered[$version]+=" $suite"; done
  else
    say "no clang of $suite: ${suite_state[$suite]}"
  fi
done
mapfile -t versions < <(printf '%s\n' "${!offered[@]}" | grep . | sort -n | awk -v oldest=$oldest '$1 >= oldest')
[ ${#versions[@]} -gt 0 ] || { say "no suite lists a clang"; exit 0; }
if [ $which = short ]; then versions=("$oldest" "${versions[-1]}"); fi

complete=1
for version in "${versions[@]}"; do
  have "$version" && continue
  why="no suite has it"
  for suite in ${offered[$version]:-}; do
    unpack "$suite" "$version" && continue 2
  done
  complete=0
  say "no clang $version: $why"
done
[ $complete = 0 ] || touch "$store/.$which-complete"
exit 0
