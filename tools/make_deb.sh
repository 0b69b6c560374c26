#!/bin/bash
# tools/make_deb.sh BINARY PACKAGE: a Debian package of what `make install` installs. Built on the oldest release it serves
# all: it depends on shared libraries that each of them has under the same name (libelf1t64 and libdw1t64 of Debian 13
# and Ubuntu 24.04 provide libelf1 and libdw1), in the versions of the machine that it was built on. Not the static
# program: aiotrace reads files of others as root, so the distribution's fixes of these libraries are to reach it.
set -eu
cd "$(dirname "$0")/.."
binary=$1 package=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
make -s install PROGRAM="$binary" DESTDIR="$root" PREFIX=/usr >/dev/null
[ -f "$root/usr/share/man/man8/aiotrace.8" ] || { echo "make_deb: no man pages: scdoc is missing" >&2; exit 1; }
gzip -9n "$root"/usr/share/man/man*/*
doc=$root/usr/share/doc/aiotrace
# The daemon is installed; the administrator enables it.
install -D -m 644 tools/fleet/aiotrace.service "$root/lib/systemd/system/aiotrace.service"
install -D -m 644 tools/fleet/aiotrace.toml "$root/etc/aiotrace/aiotrace.toml"
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
Depends: ${depends#shlibs:Depends=}, passwd
Suggests: bash-completion
Section: devel
Priority: optional
Description: reports why an asyncio event loop stalls, without a restart
 Attaches to running Python asyncio programs and any other epoll loop with eBPF
 and reports each stall: how long, which task, which line and why, and which
 coroutines leak. Needs Linux 5.10 or newer with BTF, and root or capabilities.
END
# With capabilities the program reads every process, so the administrator decides who may start it
# (aiotrace-security(7)).
cat > "$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  getent group aiotrace >/dev/null || groupadd --system aiotrace
  chown root:aiotrace /usr/bin/aiotrace
  chmod 0750 /usr/bin/aiotrace
fi
END
# A daemon that runs takes the new program; without systemd, or where it was never enabled, nothing happens.
cat > "$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now aiotrace.service >/dev/null 2>&1 || true
fi
END
cat >> "$root/DEBIAN/postinst" <<'END'
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
  systemctl try-restart aiotrace.service || true
fi
END
echo /etc/aiotrace/aiotrace.toml > "$root/DEBIAN/conffiles"
chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
mkdir -p "$(dirname "$package")"
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
