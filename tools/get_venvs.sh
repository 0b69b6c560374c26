#!/bin/bash
# Makes virtual environments with the packages that some targets of the tests and of the bench need:
#   ${AIOTRACE_VENVS:-.cache/venvs}/3.X/     uvloop, aiohttp, uvicorn, fastapi, greenlet on the machine's own interpreters
#   ${AIOTRACE_VENVS:-.cache/venvs}/readers/ Perfetto's schema, to read traces with
#   ${AIOTRACE_VENVS:-.cache/venvs}/tools/   with --bench: py-spy and austin, to compare with
#   ${AIOTRACE_VENVS:-.cache/venvs}/services*-3.X/  with --services: what tests/services/ starts
# Wheels only, of the versions and with the hashes of tools/venvs/ (tools/pin_venvs.py writes them), from the package index that
# pip is set up for. The hashes are of wheels for x86-64. What cannot be had is named, and is no failure.
set -u
cd "$(dirname "$0")/.." || exit 1

versions=(3.8 3.11 3.12 3.13) # in step with VENV_MINORS of tools/pythons.py
store=${AIOTRACE_VENVS:-.cache/venvs}
mkdir -p "$store" || exit 0

say() { echo "get_venvs: $*" >&2; }

is_made() { # NAME
  cmp -s "$store/$1/.complete" "tools/venvs/$1.txt"
}

make_venv() { # NAME PYTHON-COMMAND
  local dir=$store/$1 python=$2 log
  is_made "$1" && "$dir/bin/python" -c '' 2>/dev/null && return 0
  log=$dir.log
  rm -rf "$dir"
  if timeout 120 "$python" -m venv "$dir" >"$log" 2>&1 &&
    timeout "${patience:-300}" "$dir/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --only-binary :all: \
      --retries 2 --timeout 30 --require-hashes -r "tools/venvs/$1.txt" </dev/null >>"$log" 2>&1; then
    cp "tools/venvs/$1.txt" "$dir/.complete"
    rm -f "$log"
    say "made $dir: $(sed -n 's/^# \(.*\);.*/\1/p' "tools/venvs/$1.txt")"
    return 0
  fi
  rm -rf "$dir"
  say "no $dir: $(grep -m 1 -E 'ERROR|[Ee]rror' "$log" | cut -c1-160) (all of it: $log)"
  return 1
}

python_of() { # LISTING VERSION
  awk -F '\t' -v want="$2." 'index($1, want) == 1 { found = $2 } END { print found }' <<< "$1"
}

# Of several patch releases the last; a venv needs the interpreter at its own path, so none of another root, and one with the GIL: the
# pinned wheels are for those.
interpreters() {
  tools/pythons.py --list | awk -F '\t' '$2 != "" && $3 !~ /^debian-/ && $1 !~ /t$/'
}

todo=0
for version in "${versions[@]}"; do
  is_made "$version" || todo=1
done
if [ $todo = 1 ]; then
  listing=$(interpreters) || listing=
  for version in "${versions[@]}"; do
    python=$(python_of "$listing" "$version")
    if [ -z "$python" ]; then
      say "no $store/$version: no Python $version on this machine"
    else
      make_venv "$version" "$python"
    fi
  done
fi
is_made readers || make_venv readers /usr/bin/python3
[ "${1:-}" != --bench ] || make_venv tools /usr/bin/python3
[ "${1:-}" = --services ] || exit 0
patience=1800 # some hundred packages
listing=
for list in tools/venvs/services*.txt; do
  name=$(basename "$list" .txt)
  is_made "$name" && continue
  [ -n "$listing" ] || listing=$(interpreters)
  python=$(python_of "$listing" "${name##*-}")
  if [ -z "$python" ]; then
    say "no $store/$name: no Python ${name##*-} on this machine"
  else
    make_venv "$name" "$python"
  fi
done
exit 0
