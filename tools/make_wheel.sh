#!/bin/bash
# tools/make_wheel.sh STATIC-BINARY FOLDER: a wheel of what `make install` installs, with the static program, checked with
# auditwheel and twine. The same commit gives the same wheel (SOURCE_DATE_EPOCH, by default the commit's time).
# What builds and checks it is fetched once into ${AIOTRACE_VENVS:-.cache/venvs}/wheel.
set -eu
cd "$(dirname "$0")/.."
binary=$1 folder=$2
venv=${AIOTRACE_VENVS:-.cache/venvs}/wheel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! cmp -s tools/wheel/requirements.txt "$venv/.complete" || ! "$venv/bin/python" -c '' 2>/dev/null; then
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --only-binary :all: -r tools/wheel/requirements.txt </dev/null
  cp tools/wheel/requirements.txt "$venv/.complete"
fi
python=$(realpath "$venv")/bin/python

version=$("$binary" --version)
make -s install PROGRAM="$binary" DESTDIR="$work/installed" PREFIX= >/dev/null
[ -f "$work/installed/share/man/man8/aiotrace.8" ] || { echo "make_wheel: no man pages: scdoc is missing" >&2; exit 1; }
cp README.md LICENSE tools/wheel/pyproject.toml tools/wheel/hatch_build.py "$work/"
rm -rf "$folder"
mkdir -p "$folder"
folder=$(realpath "$folder")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
(cd "$work" && AIOTRACE_VERSION=${version#aiotrace } "$python" -m hatchling build -t wheel -d "$folder" >log 2>&1) || { cat "$work/log" >&2; exit 1; }
wheel=$(echo "$folder"/*.whl)

# auditwheel reads the symbol versions of every ELF file in it: a static program has none, so any tag fits.
"$python" -m auditwheel show "$wheel" >"$work/audit" 2>&1 || { cat "$work/audit" >&2; exit 1; }
cat "$work/audit"
"$python" -m twine check --strict "$wheel" >"$work/twine" 2>&1 || { cat "$work/twine" >&2; exit 1; }
ls -l "$wheel"
