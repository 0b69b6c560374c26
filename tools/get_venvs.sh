#!/bin/bash
# Makes virtual environments with the packages that some targets of the tests and of the bench need:
#   ${AIOTRACE_VENVS:-.cache/venvs}/3.X/     uvloop, aiohttp, uvicorn, fastapi, greenlet on the machine's own interpreters
#   ${AIOTRACE_VENVS:-.cache/venvs}/readers/ Perfetto's schema, to read traces with
#   ${AIOTRACE_VENVS:-.cache/venvs}/tools/   with --bench: py-spy and austin, to compare with
# Wheels only, from the package index that pip is set up for. What cannot be had is named, and is no failure.
set -u
cd "$(dirname "$0")/.." || exit 1

versions=(3.8 3.11 3.12 3.13) # in step with VENV_MINORS of tools/pythons.py
packages=(uvloop aiohttp uvicorn fastapi greenlet)
store=${AIOTRACE_VENVS:-.cache/venvs}
mkdir -p "$store" || exit 0

say() { echo "get_venvs: $*" >&2; }

make_venv() { # NAME PYTHON-COMMAND PACKAGE…
  local dir=$store/$1 python=$2 log
  shift 2
  [ -e "$dir/.complete" ] && [ "$(cat "$dir/.complete")" = "$*" ] && "$dir/bin/python" -c '' 2>/dev/null && return 0
  log=$dir.log
  rm -rf "$dir"
  if timeout 120 "$python" -m venv "$dir" >"$log" 2>&1 &&
    timeout 300 "$dir/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --only-binary :all: \
      --retries 2 --timeout 30 "$@" </dev/null >>"$log" 2>&1; then
    echo "$*" > "$dir/.complete"
    rm -f "$log"
    say "made $dir: $*"
    return 0
  fi
  rm -rf "$dir"
  say "no $dir: $(grep -m 1 -E 'ERROR|[Ee]rror' "$log" | cut -c1-160) (all of it: $log)"
  return 1
}

todo=0
for version in "${versions[@]}"; do
  [ "$(cat "$store/$version/.complete" 2>/dev/null)" = "${packages[*]}" ] || todo=1
done
if [ $todo = 1 ]; then
  # Of several patch releases the last; a venv needs the interpreter at its own path, so none of another root.
  listing=$(tools/pythons.py --list | awk -F '\t' '$2 != "" && $3 !~ /^debian-/') || listing=
  for version in "${versions[@]}"; do
    python=$(awk -F '\t' -v want="$version." 'index($1, want) == 1 { found = $2 } END { print found }' <<< "$listing")
    if [ -z "$python" ]; then
      say "no $store/$version: no Python $version on this machine"
    else
      make_venv "$version" "$python" "${packages[@]}"
    fi
  done
fi
[ -e "$store/readers/.complete" ] || make_venv readers /usr/bin/python3 perfetto
[ "${1:-}" != --bench ] || make_venv tools /usr/bin/python3 py-spy austin-dist
exit 0
