#!/bin/bash
# All automatic checks of the sources. Runs all checks, prints the errors, and fails if there is any.
#   tools/lint.sh             check (make lint; needs build/compile_commands.json and the skeletons)
#   tools/lint.sh --format    reformat instead
set -u
cd "$(dirname "$0")/.." || exit 1

tool() { # NAME: version 19 of it, the one that Debian 12, 13 and Ubuntu 24.04 all have
  command -v "$1-19" && return 0
  "$1" --version 2>/dev/null | grep -q 'version 19\.' && command -v "$1" && return 0
  echo "lint: no $1 19 (tools/setup.sh lint installs it)" >&2
  return 1
}

# The table of layouts is written by a tool that has a check of its own.
mapfile -t c_files < <(find user tests bpf -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.c' \) \
  -not -path 'user/python/layouts/*' | sort)

clang_format=$(tool clang-format) || exit 1
if [ "${1:-}" = --format ]; then
  exec "$clang_format" -i "${c_files[@]}"
fi

failed=()
step() { # NAME COMMAND…
  local name=$1 begin=$SECONDS
  shift
  if "$@"; then
    echo "lint: $name: ok ($((SECONDS - begin)) s)"
  else
    echo "lint: $name: FAILED" >&2
    failed+=("$name")
  fi
}

shell_syntax() {
  local status=0 file
  while IFS= read -r file; do
    if head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then
      bash -n "$file" || status=1
    fi
  done < <(find tools tests .ci -type f -not -name '*.py' -not -name '*.cpp' -not -name '*.h')
  return $status
}

python_syntax() { # the tests check the files with the oldest supported interpreter; this only checks that they parse
  find tools tests -type f -name '*.py' -print0 | python3 -c '
import ast, sys
status = 0
for name in sys.stdin.read().split("\0"):
    if name:
        try:
            ast.parse(open(name, encoding="utf-8").read(), name)
        except SyntaxError as error:
            print(f"{name}:{error.lineno}: {error.msg}", file=sys.stderr)
            status = 1
sys.exit(status)'
}

page_scripts() { # the scripts of the pages of --html must parse; checked where a parser is installed
  command -v node >/dev/null || return 0
  local status=0 file
  for file in user/output/page/web/*.js; do node --check "$file" || status=1; done
  return $status
}

tidy() {
  local clang_tidy
  clang_tidy=$(tool clang-tidy) || return 1
  # Also when started by make: with make's flags, this make would wait for the other's job slots.
  env -u MAKEFLAGS -u MAKELEVEL make -k -s -j "${JOBS:-2}" tidy CLANG_TIDY="$clang_tidy"
}

generated() {
  python3 tools/gen_layouts.py --check
}

hardening() { # of what has been built
  local binary found=()
  for binary in build/aiotrace build/static/aiotrace; do [ -x "$binary" ] && found+=("$binary"); done
  [ ${#found[@]} -gt 0 ] || { echo "lint: hardening: nothing is built yet" >&2; return 0; }
  tools/check_hardening.py "${found[@]}"
}

step "clang-format" "$clang_format" --dry-run -Werror "${c_files[@]}"
step "include directions" tools/check_includes.py
step "generated files" generated
step "shell scripts" shell_syntax
step "python files" python_syntax
step "page scripts" page_scripts
step "hardening" hardening
step "clang-tidy" tidy

if [ ${#failed[@]} -gt 0 ]; then
  (IFS=,; echo "lint: failed: ${failed[*]}" >&2)
  exit 1
fi
