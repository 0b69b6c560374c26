"""What an installed aiotrace must do, wherever it came from: each check raises Failed with what it saw.

`place.run(script)` runs a script of bash where the program is installed; INPUTS are in the folder `place.inputs` there.
"""
import json
import os

from roots import PROJECT

INPUTS = ("tests/golden/run.aiorec", "tests/golden/run.json", "tests/programs/startup_stall.py", "tests/programs/records.py")
STALL_MS = 120


class Failed(Exception):
    pass


def expect(done, what, status=0):
    """The output of a command that ended as it should."""
    if done.status != status:
        ended = "took longer than %.0f s" % done.seconds if done.status is None else "ended with %d" % done.status
        raise Failed("%s: %s, not with %d: %s" % (what, ended, status, done.last_lines()))
    return done.output


def give_inputs(place):
    for name in INPUTS:
        place.take(os.path.join(PROJECT, name), os.path.join(place.inputs, os.path.basename(name)))


def says_its_version(place, program):
    version = expect(place.run(program + " --version"), "--version").split()
    if len(version) != 2 or version[0] != "aiotrace" or not version[1][0].isdigit():
        raise Failed("--version: %r" % version)
    return version[1]


def reports_a_recording(place, program):
    script = "%s report %s/run.aiorec --json - | diff - %s/run.json" % (program, place.inputs, place.inputs)
    expect(place.run("set -o pipefail; " + script), "report of the golden recording")


def examines_the_host(place, program):
    first = json.loads(expect(place.run(program + " doctor --json -"), "doctor").split("\n")[0])
    if first["type"] != "host":
        raise Failed("doctor: its first line is %s" % first["type"])


def watches_a_program(place, program, python="python3"):
    """Two stalls, compared with the program's own account."""
    script = "rm -f stalls record; %s -q --json stalls -- %s %s/startup_stall.py --ms %d --record record >/dev/null; cat stalls; echo; cat record" % (
        program, python, place.inputs, STALL_MS)
    output = expect(place.run(script), "watching a program")
    lines = [json.loads(line) for line in output.split("\n") if line.startswith("{")]
    stalls = [line for line in lines if line.get("type") == "stall" and not line["ongoing"]]
    records = [line for line in lines if "expected_cause" in line]
    if len(records) != 2:
        raise Failed("the program has recorded %d faults: %s" % (len(records), output[-300:]))
    for record, function in zip(records, ("load_configuration", "build_index")):
        seen = [stall for stall in stalls if function in json.dumps(stall["segments"])]
        if len(seen) != 1:
            raise Failed("%s: %d stalls name it, of %d" % (function, len(seen), len(stalls)))
        # A program that computes may have to wait for a CPU.
        blamed = sum(seen[0]["causes"].get(cause, 0) for cause in (record["expected_cause"], "cpu-wait"))
        if blamed < 0.9 * STALL_MS * 1e6:
            raise Failed("%s: %s %.1f ms of %d" % (function, record["expected_cause"], blamed / 1e6, STALL_MS))

