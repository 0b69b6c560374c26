#!/bin/bash
# tools/in_root.sh ROOT PROGRAM ARGUMENT…: becomes PROGRAM inside the directory ROOT as its root, as in a container: a mount
# namespace of its own (nothing is left behind), the same pid, /proc, /dev, /tmp, the project and the current directory at
# their usual places. Needs root.
set -eu
if [ "${AIOTRACE_IN_ROOT:-}" != "$$" ]; then
  export AIOTRACE_IN_ROOT=$$ # exec keeps the pid: the second start knows itself by it
  exec unshare --mount --propagation private "$BASH" "$0" "$@"
fi
root=$(cd "$1" && pwd -P)
shift
project=$(cd "$(dirname "$0")/.." && pwd -P)
here=$(pwd -P)
for dir in /proc /dev /tmp "${TMPDIR:-/tmp}" "$project" "$here"; do
  [ "$dir" != / ] || continue
  mkdir -p "$root$dir"
  # Mounting twice is harmless: the namespace ends with the program.
  mount --rbind "$dir" "$root$dir"
done
exec env -u AIOTRACE_IN_ROOT -u PYTHONHOME -u PYTHONPATH -u LD_LIBRARY_PATH -u LD_PRELOAD \
  unshare --root="$root" --wd="$here" "$@"
