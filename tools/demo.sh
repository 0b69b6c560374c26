#!/bin/bash
# Shows aiotrace on a small asyncio service that stalls, from a fresh clone on: checks that tracing is permitted here,
# installs the packages that building needs, builds, starts the service and a load on it, attaches aiotrace by pid.
#   tools/demo.sh          DURATION=10s: how long to watch; PYTHON=python3: what runs the service
#                          AIOTRACE=PATH: another binary, then nothing is installed and built
# Leaves build/demo/stalls.folded and build/demo/stalls.json. The exit status is aiotrace's; 3 where tracing is not permitted.
set -u
cd "$(dirname "$0")/.." || exit 1

DURATION=${DURATION:-10s}
PYTHON=${PYTHON:-python3}
OUT=build/demo

fail() {
  echo "demo: $*" >&2
  exit 1
}

[[ $DURATION =~ ^([0-9]+)(ms|s|m|)$ ]] || fail "DURATION is a whole number with ms, s or m: $DURATION"
case ${BASH_REMATCH[2]} in
  ms) seconds=$((BASH_REMATCH[1] / 1000 + 1)) ;;
  m) seconds=$((BASH_REMATCH[1] * 60)) ;;
  *) seconds=${BASH_REMATCH[1]} ;;
esac

# This comes before the installation and the build, because they take minutes.
tools/check_rights.sh || exit 3
sudo=()
if [ "$(id -u)" != 0 ]; then
  echo "demo: only apt-get and aiotrace itself run as root (sudo)"
  sudo=(sudo)
fi

if [ -z "${AIOTRACE:-}" ]; then
  tools/setup.sh build || exit 1
  make all || exit 1
  AIOTRACE=build/aiotrace
fi
[ -x "$AIOTRACE" ] || fail "$AIOTRACE is not there"
command -v "$PYTHON" >/dev/null || fail "no $PYTHON here: set PYTHON to a CPython of 3.8 or later"
# The build may have taken longer than sudo remembers the password.
[ ${#sudo[@]} = 0 ] || sudo -v || exit 3

mkdir -p $OUT || exit 1
# Earlier files may be root's, but the folder is ours.
rm -f $OUT/stalls.folded $OUT/stalls.json $OUT/service.log $OUT/load.log
ready=$OUT/ready.$$
mkfifo "$ready" || exit 1

service='' load=''
cleanup() {
  [ -n "$load" ] && kill "$load" 2>/dev/null
  [ -n "$service" ] && kill "$service" 2>/dev/null
  wait 2>/dev/null
  rm -f "$ready"
}
trap cleanup EXIT
# Only aiotrace handles Ctrl-C: it ends with its summary, and the following text is still printed.
trap : INT
trap 'exit 143' TERM

"$PYTHON" tests/programs/demo_service.py --ready "$ready" --folder $OUT 2>$OUT/service.log &
service=$!
# Open for reading and writing, so that the open does not wait for a service that never started.
exec 3<>"$ready"
if ! read -r -t 20 port pid <&3; then
  cat $OUT/service.log >&2
  fail "the service did not start"
fi
exec 3>&-

# It runs some seconds longer than the watch, so that a slow start of aiotrace does not shorten the watch.
"$PYTHON" tests/programs/demo_load.py "$port" --seconds $((seconds + 5)) >$OUT/load.log 2>&1 &
load=$!

echo "demo: an asyncio service runs as pid $pid on port $port, with 8 clients"
echo "demo: ${sudo[*]:+sudo }$AIOTRACE -p $pid -d $DURATION --folded $OUT/stalls.folded --json $OUT/stalls.json"
echo
"${sudo[@]}" "$AIOTRACE" -p "$pid" -d "$DURATION" --folded $OUT/stalls.folded --json $OUT/stalls.json
status=$?

echo
case $status in
  0)
    kill -INT "$load" 2>/dev/null
    for file in $OUT/stalls.folded $OUT/stalls.json; do
      [ -f $file ] || fail "aiotrace left no $file"
    done
    echo "demo: the same for flame-graph tools:  $OUT/stalls.folded ($(wc -l <$OUT/stalls.folded) lines)"
    echo "demo: the same for programs:           $OUT/stalls.json ($(wc -l <$OUT/stalls.json) lines)"
    echo "demo: the faults are in:               tests/programs/demo_service.py"
    ;;
  3)
    echo "demo: tracing is not permitted or not supported here; the line above names what is missing." >&2
    echo "demo: what works on this machine, and what to do:  ${sudo[*]:+sudo }$AIOTRACE doctor" >&2
    ;;
  *) echo "demo: aiotrace ended with status $status" >&2 ;;
esac
exit $status
