#!/bin/bash
# Prints the path of a bpftool that works, or fails. Debian keeps it in /usr/sbin, which is not on everybody's PATH;
# Ubuntu's /usr/sbin/bpftool only starts the version for the running kernel, which a container or a custom kernel lacks;
# any other version can generate skeletons.
candidates=("${BPFTOOL:-bpftool}" /usr/sbin/bpftool /usr/local/sbin/bpftool)
while read -r path; do
  candidates+=("$path")
done < <(printf '%s\n' /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool | sort -rV)
for candidate in "${candidates[@]}"; do
  path=$(command -v "$candidate" 2>/dev/null) || continue
  if "$path" version >/dev/null 2>&1; then
    echo "$path"
    exit 0
  fi
done
echo "find_bpftool: no working bpftool found (tools/setup.sh build installs it)" >&2
exit 1
