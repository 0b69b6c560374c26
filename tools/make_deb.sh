#!/bin/bash
# tools/make_deb.sh BINARY PACKAGE: a Debian package of what `make install` installs. Its dependencies are those of the
# binary, in the versions of the machine that it was built on.
set -eu
cd "$(dirname "$0")/.."
binary=$1 package=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
make -s install DESTDIR="$root" PREFIX=/usr >/dev/null
strip "$root/usr/bin/aiotrace"
gzip -9n "$root/usr/share/man/man8/aiotrace.8"
doc=$root/usr/share/doc/aiotrace
mkdir -p "$doc"
cp README.md "$doc/"
{
  echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
  echo 'Upstream-Name: aiotrace'
  echo
  echo 'Files: *'
  echo 'Copyright: the authors of aiotrace'
  echo 'License: GPL-2'
  echo ' On Debian systems the text is in /usr/share/common-licenses/GPL-2.'
  echo
  echo 'Files: bpf/abi/*'
  echo 'Copyright: the authors of aiotrace'
  echo 'License: GPL-2 or BSD-3-Clause'
} > "$doc/copyright"

version=$("$binary" --version)
version=${version#aiotrace }
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: aiotrace\n\nPackage: aiotrace\nArchitecture: any\n' > "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "root/usr/bin/aiotrace" 2>"$work/log") || { cat "$work/log" >&2; exit 1; }
cat > "$root/DEBIAN/control" <<END
Package: aiotrace
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: the authors of aiotrace <aiotrace@localhost>
Installed-Size: $(du -sk "$root" --exclude DEBIAN | cut -f1)
Depends: ${depends#shlibs:Depends=}
Suggests: bash-completion
Section: devel
Priority: optional
Description: tells why an asyncio event loop stalls, without a restart
 Attaches to running Python asyncio programs and any other epoll loop with eBPF
 and says which stall, how long, which task, which line and why, and which
 coroutines leak. Needs Linux 5.10 or newer with BTF, and root or capabilities.
END
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
mkdir -p "$(dirname "$package")"
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
